/*
 * Load on an IPMI server over LAN, or on an echo: in C, so that it costs a fraction of what any server does, and with
 * OpenSSL for its keys and codes, so that it shares nothing with the server under test.
 *
 *   ipmi-load requests|logins|echo PORT SESSIONS OUTSTANDING SUITE USER PASSWORD
 *
 * requests  opens SESSIONS sessions, each on a socket of its own; in each OUTSTANDING times Get Device ID on the way
 * logins    SESSIONS logins at once, each of five round trips: Get Channel Authentication Capabilities, Open Session,
 *           RAKP 1 and 3, Close Session
 * echo      datagrams as long as those of `requests`, which have to come back as they were
 *
 * Says `ready` and then reads lines: `run SECONDS` measures and prints one line of JSON, `check` asks in each session
 * once. Every answer is verified: authentication code, numbers, checksums, completion code, and its data against the
 * first answer's. A wrong one, or none within five seconds, ends the program with a message and status 1.
 *
 * It uses the hash and AES functions that OpenSSL 3 calls deprecated: they alone let a keyed state be copied, without
 * which this program would cost as much as a server.
 */
#define _GNU_SOURCE
#define OPENSSL_SUPPRESS_DEPRECATED
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/aes.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_BYTES = 256, MOST_OUTSTANDING = 16, SEQUENCES = 64, ANSWER_MS = 5000 };
enum { OPEN_SESSION = 0x10, RAKP1 = 0x12, RAKP3 = 0x14 };

typedef union {
  SHA_CTX sha1;
  SHA256_CTX sha256;
} Hash;

typedef struct {
  int fd;
  uint32_t console_id, managed_id;
  /* Of the packets in the session; of requests, six bits. */
  uint32_t sequence, received;
  unsigned rq_seq;
  /* When the request of that number was sent; 0 for none on the way. */
  uint64_t sent_at[SEQUENCES];
  uint64_t waiting_since;
  unsigned on_the_way;
  /* Of a login: what its next answer is to be. */
  int step;
  unsigned char rm[16], rc[16], guid[16];
  unsigned char sik[32];
  Hash inner, outer;
  AES_KEY seal, open;
} Session;

static struct {
  int logins, echo, suite, sha256;
  unsigned sessions, outstanding, code_bytes, hash_bytes, check_bytes;
  const char *user, *password;
} options;
static Session *sessions;
static int poller;
static unsigned char expected[MOST_BYTES];
static int expected_bytes = -1;

static uint64_t counted;
static uint32_t *latencies;
static size_t latency_room;
static uint64_t sending_until;

static void fail(const char *format, ...) {
  va_list list;
  va_start(list, format);
  fputs("ipmi-load: ", stderr);
  vfprintf(stderr, format, list);
  fputc('\n', stderr);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double cpu_seconds(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void put32(unsigned char *to, uint32_t value) {
  for (int i = 0; i < 4; i++) to[i] = (unsigned char)(value >> (8 * i));
}

static uint32_t get32(const unsigned char *from) {
  return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static unsigned char sum(const unsigned char *bytes, int length) {
  unsigned total = 0;
  for (int i = 0; i < length; i++) total += bytes[i];
  return (unsigned char)-total;
}

/* Keys and codes */

static void hmac(const void *key, size_t key_bytes, const unsigned char *data, size_t bytes, unsigned char *out) {
  if (!HMAC(options.sha256 ? EVP_sha256() : EVP_sha1(), key, (int)key_bytes, data, bytes, out, NULL)) fail("HMAC");
}

static void start_hash(Hash *hash, const unsigned char *key, size_t bytes, unsigned char pad) {
  unsigned char block[64];
  memset(block, pad, sizeof block);
  for (size_t i = 0; i < bytes; i++) block[i] ^= key[i];
  if (options.sha256) {
    SHA256_Init(&hash->sha256);
    SHA256_Update(&hash->sha256, block, sizeof block);
  } else {
    SHA1_Init(&hash->sha1);
    SHA1_Update(&hash->sha1, block, sizeof block);
  }
}

static void end_hash(const Hash *begun, const unsigned char *data, size_t bytes, unsigned char *out) {
  Hash hash = *begun;
  if (options.sha256) {
    SHA256_Update(&hash.sha256, data, bytes);
    SHA256_Final(out, &hash.sha256);
  } else {
    SHA1_Update(&hash.sha1, data, bytes);
    SHA1_Final(out, &hash.sha1);
  }
}

static void code_of(const Session *s, const unsigned char *data, size_t bytes, unsigned char *out) {
  unsigned char inner[32];
  end_hash(&s->inner, data, bytes, inner);
  end_hash(&s->outer, inner, options.hash_bytes, out);
}

static void derive_keys(Session *s) {
  unsigned char constant[20], k1[32], k2[32];
  memset(constant, 1, sizeof constant);
  hmac(s->sik, options.hash_bytes, constant, sizeof constant, k1);
  memset(constant, 2, sizeof constant);
  hmac(s->sik, options.hash_bytes, constant, sizeof constant, k2);
  start_hash(&s->inner, k1, options.hash_bytes, 0x36);
  start_hash(&s->outer, k1, options.hash_bytes, 0x5c);
  AES_set_encrypt_key(k2, 128, &s->seal);
  AES_set_decrypt_key(k2, 128, &s->open);
}

/* Packets */

static int header(unsigned char *packet, int type, uint32_t id, uint32_t sequence, int payload_bytes) {
  const unsigned char head[6] = {6, 0, 0xff, 7, 6, (unsigned char)type};
  memcpy(packet, head, sizeof head);
  put32(packet + 6, id);
  put32(packet + 10, sequence);
  packet[14] = (unsigned char)payload_bytes;
  packet[15] = 0;
  return 16;
}

static int message(unsigned char *to, int net_fn, int cmd, unsigned rq_seq, const void *data, int bytes) {
  to[0] = 0x20;
  to[1] = (unsigned char)(net_fn << 2);
  to[2] = sum(to, 2);
  to[3] = 0x81;
  to[4] = (unsigned char)(rq_seq << 2);
  to[5] = (unsigned char)cmd;
  if (bytes) memcpy(to + 6, data, (size_t)bytes);
  to[6 + bytes] = sum(to + 3, 3 + bytes);
  return 7 + bytes;
}

/* An IPMI message in the session, encrypted and signed. */
static int sealed(Session *s, unsigned char *packet, int net_fn, int cmd, unsigned rq_seq, const void *data, int bytes) {
  unsigned char plain[MOST_BYTES], iv[16];
  int length = message(plain, net_fn, cmd, rq_seq, data, bytes);
  int pad = -(length + 1) & 15;
  for (int i = 1; i <= pad; i++) plain[length++] = (unsigned char)i;
  plain[length++] = (unsigned char)pad;
  int end = header(packet, 0xc0, s->managed_id, ++s->sequence, 16 + length);
  /* Unpredictable is not needed here; different is. */
  memset(iv, 0, sizeof iv);
  put32(iv, s->sequence);
  memcpy(packet + end, iv, 16);
  AES_cbc_encrypt(plain, packet + end + 16, (size_t)length, &s->seal, iv, AES_ENCRYPT);
  end += 16 + length;
  int integrity_pad = -(end + 2) & 3;
  memset(packet + end, 0xff, (size_t)integrity_pad);
  end += integrity_pad;
  packet[end++] = (unsigned char)integrity_pad;
  packet[end++] = 7;
  unsigned char code[32];
  code_of(s, packet + 4, (size_t)end - 4, code);
  memcpy(packet + end, code, options.code_bytes);
  return end + (int)options.code_bytes;
}

/* Verifies and decrypts an answer. Returns the length of its message. */
static int opened(Session *s, const unsigned char *packet, int bytes, unsigned char *plain) {
  int signed_bytes = bytes - (int)options.code_bytes;
  if (bytes < 16 + 32 + 2 || packet[3] != 7 || packet[4] != 6 || packet[5] != 0xc0) fail("not a packet of the session");
  if (get32(packet + 6) != s->console_id) fail("an answer for another session");
  unsigned char code[32], iv[16];
  code_of(s, packet + 4, (size_t)signed_bytes - 4, code);
  if (memcmp(code, packet + signed_bytes, options.code_bytes)) fail("wrong authentication code");
  if (get32(packet + 10) <= s->received) fail("numbers do not rise");
  s->received = get32(packet + 10);
  int sealed_bytes = packet[14] | packet[15] << 8;
  if (sealed_bytes % 16 || 16 + sealed_bytes > signed_bytes) fail("wrong length");
  memcpy(iv, packet + 16, 16);
  AES_cbc_encrypt(packet + 32, plain, (size_t)sealed_bytes - 16, &s->open, iv, AES_DECRYPT);
  int length = sealed_bytes - 16 - 1 - plain[sealed_bytes - 16 - 1];
  if (length < 8 || sum(plain, 3) || sum(plain + 3, length - 3)) fail("wrong checksum or padding");
  if (plain[6] != 0) fail("completion code %02x", plain[6]);
  return length;
}

static void transmit(Session *s, struct mmsghdr *messages, unsigned count) {
  for (unsigned done = 0; done < count;) {
    int sent = sendmmsg(s->fd, messages + done, count - done, 0);
    if (sent > 0) done += (unsigned)sent;
    else if (errno != EAGAIN && errno != EINTR) fail("sendmmsg: %s", strerror(errno));
  }
  s->waiting_since = now_ns();
}

static void send_one(Session *s, unsigned char *packet, int bytes) {
  struct iovec part = {packet, (size_t)bytes};
  struct mmsghdr one = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
  transmit(s, &one, 1);
}

/* Requests */

static void send_requests(Session *s, unsigned count) {
  static unsigned char packets[MOST_OUTSTANDING][MOST_BYTES];
  struct iovec parts[MOST_OUTSTANDING];
  struct mmsghdr messages[MOST_OUTSTANDING];
  memset(messages, 0, sizeof messages);
  uint64_t now = now_ns();
  for (unsigned i = 0; i < count; i++) {
    s->rq_seq = (s->rq_seq + 1) % SEQUENCES;
    int bytes;
    if (options.echo) {
      bytes = 64;
      memset(packets[i], 0x5a, (size_t)bytes);
      packets[i][0] = (unsigned char)s->rq_seq;
    } else {
      bytes = sealed(s, packets[i], 6, 1, s->rq_seq, NULL, 0);
    }
    s->sent_at[s->rq_seq] = now;
    parts[i] = (struct iovec){packets[i], (size_t)bytes};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  s->on_the_way += count;
  transmit(s, messages, count);
}

static void take_answer(Session *s, const unsigned char *packet, int bytes, uint64_t now) {
  unsigned rq_seq;
  if (options.echo) {
    if (bytes != 64 || packet[1] != 0x5a || packet[63] != 0x5a) fail("not what was sent");
    rq_seq = packet[0];
  } else {
    unsigned char plain[MOST_BYTES];
    int length = opened(s, packet, bytes, plain);
    if (plain[1] != 7 << 2 || plain[5] != 1) fail("an answer to something else");
    rq_seq = plain[4] >> 2;
    int data_bytes = length - 8;
    if (expected_bytes < 0) {
      if (data_bytes < 11) fail("Get Device ID: %d bytes", data_bytes);
      memcpy(expected, plain + 7, (size_t)data_bytes);
      expected_bytes = data_bytes;
    }
    if (data_bytes != expected_bytes || memcmp(plain + 7, expected, (size_t)data_bytes)) fail("another answer");
  }
  if (rq_seq >= SEQUENCES || s->sent_at[rq_seq] == 0) fail("an answer to nothing");
  if (counted < latency_room) latencies[counted] = (uint32_t)(now - s->sent_at[rq_seq]);
  counted++;
  s->sent_at[rq_seq] = 0;
  s->on_the_way--;
}

/* Logins */

static int name_and_role(unsigned char *to) {
  int bytes = (int)strlen(options.user);
  to[0] = 0x14;
  to[1] = (unsigned char)bytes;
  memcpy(to + 2, options.user, (size_t)bytes);
  return 2 + bytes;
}

static void send_plain(Session *s, int type, const unsigned char *payload, int bytes) {
  unsigned char packet[MOST_BYTES];
  int start = header(packet, type, 0, 0, bytes);
  memcpy(packet + start, payload, (size_t)bytes);
  send_one(s, packet, start + bytes);
}

static void ask_capabilities(Session *s) {
  /* As clients do: in an IPMI 1.5 packet. */
  unsigned char packet[MOST_BYTES] = {6, 0, 0xff, 7, 0};
  const unsigned char data[2] = {0x8e, 4};
  packet[13] = (unsigned char)message(packet + 14, 6, 0x38, 0, data, 2);
  s->step = 0;
  send_one(s, packet, 14 + packet[13]);
}

static void ask_open(Session *s) {
  unsigned char payload[32] = {0, 4};
  s->console_id = (s->console_id + options.sessions) & 0x7fffffff;
  s->sequence = s->received = 0;
  put32(payload + 4, s->console_id);
  const unsigned char wanted[3] = {options.sha256 ? 3 : 1, options.sha256 ? 4 : 1, 1};
  for (int i = 0; i < 3; i++) {
    payload[8 + 8 * i] = (unsigned char)i;
    payload[11 + 8 * i] = 8;
    payload[12 + 8 * i] = wanted[i];
  }
  s->step = 1;
  send_plain(s, OPEN_SESSION, payload, 32);
}

static void ask_rakp1(Session *s) {
  unsigned char payload[64] = {0}, tail[32];
  int name = name_and_role(tail) - 2;
  put32(payload + 4, s->managed_id);
  if (RAND_bytes(s->rm, 16) != 1) fail("no random bytes");
  memcpy(payload + 8, s->rm, 16);
  payload[24] = 0x14;
  payload[27] = (unsigned char)name;
  memcpy(payload + 28, options.user, (size_t)name);
  s->step = 2;
  send_plain(s, RAKP1, payload, 28 + name);
}

static void ask_rakp3(Session *s, const unsigned char *rakp2) {
  unsigned char data[128], code[32];
  size_t key = strlen(options.password);
  memcpy(s->rc, rakp2 + 8, 16);
  memcpy(s->guid, rakp2 + 24, 16);
  put32(data, s->console_id);
  put32(data + 4, s->managed_id);
  memcpy(data + 8, s->rm, 16);
  memcpy(data + 24, s->rc, 16);
  memcpy(data + 40, s->guid, 16);
  int length = 56 + name_and_role(data + 56);
  hmac(options.password, key, data, (size_t)length, code);
  if (memcmp(code, rakp2 + 40, options.hash_bytes)) fail("RAKP 2: wrong code");
  memcpy(data, s->rm, 16);
  memcpy(data + 16, s->rc, 16);
  length = 32 + name_and_role(data + 32);
  hmac(options.password, key, data, (size_t)length, s->sik);
  derive_keys(s);
  memcpy(data, s->rc, 16);
  put32(data + 16, s->console_id);
  length = 20 + name_and_role(data + 20);
  unsigned char payload[64] = {0};
  put32(payload + 4, s->managed_id);
  hmac(options.password, key, data, (size_t)length, payload + 8);
  s->step = 3;
  send_plain(s, RAKP3, payload, 8 + (int)options.hash_bytes);
}

static void check_rakp4(const Session *s, const unsigned char *rakp4) {
  unsigned char data[40], code[32];
  memcpy(data, s->rm, 16);
  put32(data + 16, s->managed_id);
  memcpy(data + 20, s->guid, 16);
  hmac(s->sik, options.hash_bytes, data, 36, code);
  if (memcmp(code, rakp4 + 8, options.check_bytes)) fail("RAKP 4: wrong code");
}

static void ask_close(Session *s) {
  unsigned char packet[MOST_BYTES], id[4];
  put32(id, s->managed_id);
  s->step = 4;
  send_one(s, packet, sealed(s, packet, 6, 0x3c, 1, id, 4));
}

/* Takes the next step. Returns 1 when the login is done: logged in, or logged out again where that is wanted. */
static int take_step(Session *s, const unsigned char *packet, int bytes) {
  static const int types[] = {-1, OPEN_SESSION + 1, RAKP1 + 1, RAKP3 + 1};
  const unsigned char *payload = packet + 16;
  if (s->step == 0) {
    if (bytes < 14 + 8 || packet[4] != 0 || packet[14 + 5] != 0x38 || packet[14 + 6] != 0) fail("no capabilities");
    ask_open(s);
    return 0;
  }
  if (s->step == 4) {
    unsigned char plain[MOST_BYTES];
    opened(s, packet, bytes, plain);
    if (plain[5] != 0x3c) fail("an answer to something else");
    return 1;
  }
  if (bytes < 24 || packet[5] != types[s->step]) fail("step %d: another message", s->step);
  if (payload[1] != 0) fail("step %d: status %02x", s->step, payload[1]);
  if (get32(payload + 4) != s->console_id) fail("step %d: for another console", s->step);
  if (s->step == 1) {
    s->managed_id = get32(payload + 8);
    ask_rakp1(s);
  } else if (s->step == 2) {
    ask_rakp3(s, payload);
  } else {
    check_rakp4(s, payload);
    if (!options.logins) return 1;
    ask_close(s);
  }
  return 0;
}

/* The loop */

static int receive(Session *s, unsigned char packets[][MOST_BYTES], int *lengths) {
  struct iovec parts[MOST_OUTSTANDING];
  struct mmsghdr messages[MOST_OUTSTANDING];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < MOST_OUTSTANDING; i++) {
    parts[i] = (struct iovec){packets[i], MOST_BYTES};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  int count = recvmmsg(s->fd, messages, MOST_OUTSTANDING, MSG_DONTWAIT, NULL);
  if (count < 0 && errno != EAGAIN && errno != EINTR) fail("recvmmsg: %s", strerror(errno));
  for (int i = 0; i < count; i++) lengths[i] = (int)messages[i].msg_len;
  return count;
}

/* Until nothing is on the way any more, each answer handed to `take`. */
static void serve(uint64_t *busy, void (*take)(Session *, unsigned char *, int, uint64_t)) {
  static struct epoll_event ready[1024];
  static unsigned char packets[MOST_OUTSTANDING][MOST_BYTES];
  int lengths[MOST_OUTSTANDING];
  while (*busy > 0) {
    int count = epoll_wait(poller, ready, 1024, ANSWER_MS);
    if (count < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
    if (count == 0) fail("no answer within %d ms", ANSWER_MS);
    for (int i = 0; i < count; i++) {
      Session *s = ready[i].data.ptr;
      int got = receive(s, packets, lengths);
      uint64_t now = now_ns();
      for (int j = 0; j < got; j++) take(s, packets[j], lengths[j], now);
      if (got > 0 && !options.logins && now < sending_until && s->step == 5) send_requests(s, (unsigned)got);
      if (s->step == 5 && s->on_the_way == 0) (*busy)--;
    }
  }
}

static uint64_t busy_sessions;
/* Logged in as far as wanted; how many more are to begin. */
static uint64_t logins_left;

static void take_request(Session *s, unsigned char *packet, int bytes, uint64_t now) {
  take_answer(s, packet, bytes, now);
}

static void take_login(Session *s, unsigned char *packet, int bytes, uint64_t now) {
  if (!take_step(s, packet, bytes)) return;
  if (options.logins) {
    if (counted < latency_room) latencies[counted] = (uint32_t)(now - s->sent_at[0]);
    counted++;
    if (now < sending_until) {
      s->sent_at[0] = now;
      ask_capabilities(s);
      return;
    }
  } else {
    s->step = 5;
    if (logins_left > 0) ask_capabilities(&sessions[options.sessions - logins_left--]);
  }
  busy_sessions--;
}

/* As many as there are sessions wanted, sixteen at once. */
static void serve_logins(void) {
  static struct epoll_event ready[1024];
  static unsigned char packets[MOST_OUTSTANDING][MOST_BYTES];
  int lengths[MOST_OUTSTANDING];
  while (busy_sessions > 0) {
    int count = epoll_wait(poller, ready, 1024, ANSWER_MS);
    if (count < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
    if (count == 0) fail("no answer within %d ms", ANSWER_MS);
    for (int i = 0; i < count; i++) {
      Session *s = ready[i].data.ptr;
      int got = receive(s, packets, lengths);
      uint64_t now = now_ns();
      for (int j = 0; j < got; j++) take_login(s, packets[j], lengths[j], now);
    }
  }
}

static int by_size(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static double quantile_us(double share) {
  size_t measured = counted < latency_room ? counted : latency_room;
  size_t at = (size_t)(share * (double)measured);
  return measured == 0 ? 0 : latencies[at < measured ? at : measured - 1] / 1000.0;
}

static void run(double seconds) {
  counted = 0;
  uint64_t begin = now_ns();
  double cpu = cpu_seconds();
  sending_until = begin + (uint64_t)(seconds * 1e9);
  busy_sessions = options.sessions;
  for (unsigned i = 0; i < options.sessions; i++) {
    Session *s = &sessions[i];
    if (options.logins) {
      s->sent_at[0] = now_ns();
      ask_capabilities(s);
    } else {
      send_requests(s, options.outstanding);
    }
  }
  if (options.logins) serve_logins();
  else serve(&busy_sessions, take_request);
  double took = (double)(now_ns() - begin) / 1e9;
  double own = cpu_seconds() - cpu;
  qsort(latencies, counted < latency_room ? counted : latency_room, sizeof *latencies, by_size);
  printf("{\"count\":%llu,\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"p50Us\":%.1f,\"p99Us\":%.1f,\"p999Us\":%.1f}\n",
         (unsigned long long)counted, took, own, quantile_us(0.5), quantile_us(0.99), quantile_us(0.999));
}

static int new_socket(int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("socket: %s", strerror(errno));
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 8) fail("usage: ipmi-load requests|logins|echo PORT SESSIONS OUTSTANDING SUITE USER PASSWORD");
  options.logins = !strcmp(argv[1], "logins");
  options.echo = !strcmp(argv[1], "echo");
  options.sessions = (unsigned)atoi(argv[3]);
  options.outstanding = (unsigned)atoi(argv[4]);
  options.sha256 = atoi(argv[5]) == 17;
  options.user = argv[6];
  options.password = argv[7];
  options.hash_bytes = options.sha256 ? 32 : 20;
  options.code_bytes = options.check_bytes = options.sha256 ? 16 : 12;
  if (options.sessions < 1 || options.outstanding < 1 || options.outstanding > MOST_OUTSTANDING) fail("bad numbers");
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  setvbuf(stdout, NULL, _IOLBF, 0);
  latency_room = 4000000;
  latencies = malloc(latency_room * sizeof *latencies);
  sessions = calloc(options.sessions, sizeof *sessions);
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (!latencies || !sessions || poller < 0) fail("no memory");
  for (unsigned i = 0; i < options.sessions; i++) {
    Session *s = &sessions[i];
    s->fd = new_socket(atoi(argv[2]));
    s->console_id = 0x01000000 + i;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, s->fd, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
    if (options.echo) s->step = 5;
  }
  if (!options.logins && !options.echo) {
    unsigned at_once = options.sessions < 8 ? options.sessions : 8;
    busy_sessions = options.sessions;
    logins_left = options.sessions - at_once;
    for (unsigned i = 0; i < at_once; i++) ask_capabilities(&sessions[i]);
    serve_logins();
  }
  puts("ready");
  char line[100];
  while (fgets(line, sizeof line, stdin)) {
    double seconds;
    if (sscanf(line, "run %lf", &seconds) == 1) run(seconds);
    else fail("not understood: %s", line);
  }
  return 0;
}
