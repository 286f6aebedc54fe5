/* A function that is a program of its own: it speaks the Runtime API on one kept connection and says hello. An event with
   "exit" in it ends it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static char* buffer;
static const size_t kRoom = 8 << 20;

static int reach(const char* api) {
  char host[64] = {0};
  snprintf(host, sizeof host, "%s", api);
  char* colon = strchr(host, ':');
  if (colon) *colon = 0;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(colon ? atoi(colon + 1) : 80)};
  inet_pton(AF_INET, host, &address.sin_addr);
  const int api_socket = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(api_socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(api_socket, (struct sockaddr*)&address, sizeof address) != 0) exit(1);
  return api_socket;
}

static void say(int api_socket, const char* text) {
  if (send(api_socket, text, strlen(text), 0) < 0) exit(1);
}

/* One answer with a Content-Length; its body. */
static char* hear(int api_socket) {
  size_t have = 0;
  for (;;) {
    const ssize_t more = recv(api_socket, buffer + have, kRoom - 1 - have, 0);
    if (more <= 0) exit(0);
    have += (size_t)more;
    buffer[have] = 0;
    char* body = strstr(buffer, "\r\n\r\n");
    if (!body) continue;
    body += 4;
    const char* length = strcasestr(buffer, "content-length:");
    if (!length || (size_t)(body - buffer) + strtoul(length + 15, NULL, 10) <= have) return body;
  }
}

int main(void) {
  const char* api = getenv("AWS_LAMBDA_RUNTIME_API");
  if (!api) return 1;
  buffer = malloc(kRoom);
  const int api_socket = reach(api);
  char request[512];
  for (;;) {
    snprintf(request, sizeof request, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: %s\r\n\r\n", api);
    say(api_socket, request);
    const char* event = hear(api_socket);
    if (strstr(event, "\"exit\"")) return 0;
    char id[64] = {0};
    const char* header = strcasestr(buffer, "lambda-runtime-aws-request-id:");
    if (header) sscanf(header + 30, " %63[^\r]", id);
    const char* answer = "{\"statusCode\":200,\"body\":\"hello\"}";
    snprintf(request, sizeof request,
             "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\n\r\n%s", id, api,
             strlen(answer), answer);
    say(api_socket, request);
    hear(api_socket);
  }
}
