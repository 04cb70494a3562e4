/* Sends each datagram back: what the kernel alone takes of a UDP server in C. Prints its port. */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

int main(void) {
  struct sockaddr_in own = {.sin_family = AF_INET};
  socklen_t length = sizeof own;
  int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 4 * 1024 * 1024;
  inet_pton(AF_INET, "127.0.0.1", &own.sin_addr);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (bind(fd, (struct sockaddr *)&own, sizeof own) < 0 || getsockname(fd, (struct sockaddr *)&own, &length) < 0) {
    perror("udp-echo");
    return 1;
  }
  printf("ready %d\n", ntohs(own.sin_port));
  fflush(stdout);
  for (;;) {
    unsigned char bytes[2048];
    struct sockaddr_in from;
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1};
    ssize_t got = recvmsg(fd, &message, 0);
    if (got < 0) continue;
    part.iov_len = (size_t)got;
    sendmsg(fd, &message, 0);
  }
}
