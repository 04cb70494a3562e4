/** The least that Node does before it serves: a bare node:http server with one answer. Prints nothing. */
import { createServer } from 'node:http';

const [port] = process.argv.slice(2).map(Number);
createServer((_request, response) => response.end('ok')).listen(port, '127.0.0.1');
