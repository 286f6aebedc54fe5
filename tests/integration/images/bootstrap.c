// A runtime in a container image: answers each event, a JSON string of a word and an argument, with what it sees.
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char request_id[128];
static char event[4096];
static char answer[65536];

static int dial(void) {
  const char* api = getenv("AWS_LAMBDA_RUNTIME_API");
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  address.sin_port = htons((unsigned short)atoi(strchr(api, ':') + 1));
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr*)&address, sizeof address) != 0) exit(3);
  return fd;
}

/// Sends a request on a connection of its own and reads all of the answer.
static size_t talk(const char* text, char* reply, size_t room) {
  int fd = dial();
  if (write(fd, text, strlen(text)) < 0) exit(4);
  size_t have = 0;
  ssize_t got;
  while ((got = read(fd, reply + have, room - 1 - have)) > 0) have += (size_t)got;
  reply[have] = '\0';
  close(fd);
  return have;
}

static void quote(const char* text) {
  size_t at = strlen(answer);
  answer[at++] = '"';
  for (; *text != '\0' && at < sizeof answer - 8; ++text) {
    if (*text == '\n') {
      answer[at++] = '\\';
      answer[at++] = 'n';
      continue;
    }
    if ((unsigned char)*text < ' ') continue;
    if (*text == '"' || *text == '\\') answer[at++] = '\\';
    answer[at++] = *text;
  }
  answer[at++] = '"';
  answer[at] = '\0';
}

static void list(const char* path) {
  DIR* entries = opendir(path);
  char all[16384] = "";
  struct dirent* entry;
  while (entries != NULL && (entry = readdir(entries)) != NULL) {
    if (entry->d_name[0] == '.') continue;
    strcat(all, entry->d_name);
    strcat(all, "\n");
  }
  quote(all);
}

static void answer_event(int argc, char** argv) {
  char text[8192] = "";
  char* argument = strchr(event, ' ');
  if (argument != NULL) *argument++ = '\0';
  answer[0] = '\0';
  if (strcmp(event, "argv") == 0) {
    for (int i = 0; i < argc; ++i) {
      strcat(text, argv[i]);
      strcat(text, "\n");
    }
    quote(text);
  } else if (strcmp(event, "cwd") == 0) {
    quote(getcwd(text, sizeof text) == NULL ? "" : text);
  } else if (strcmp(event, "env") == 0) {
    quote(getenv(argument) == NULL ? "(none)" : getenv(argument));
  } else if (strcmp(event, "read") == 0) {
    FILE* file = fopen(argument, "r");
    if (file == NULL) {
      quote("(none)");
      return;
    }
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    quote(text);
  } else if (strcmp(event, "list") == 0) {
    list(argument);
  } else if (strcmp(event, "write") == 0) {
    quote(open(argument, O_WRONLY | O_CREAT, 0600) < 0 ? "refused" : "written");
  } else if (strcmp(event, "id") == 0) {
    snprintf(text, sizeof text, "%d", (int)getuid());
    quote(text);
  } else if (strcmp(event, "exit") == 0) {
    exit(atoi(argument));
  } else {
    quote("?");
  }
}

int main(int argc, char** argv) {
  static char reply[1 << 20];
  static char request[1 << 17];
  printf("booted\n");
  fflush(stdout);
  for (;;) {
    talk("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n", reply, sizeof reply);
    char* id = strcasestr(reply, "lambda-runtime-aws-request-id:");
    char* body = strstr(reply, "\r\n\r\n");
    if (id == NULL || body == NULL) return 5;
    sscanf(id + strlen("lambda-runtime-aws-request-id:"), " %127[^\r]", request_id);
    char* word = strchr(body, '"');
    snprintf(event, sizeof event, "%s", word == NULL ? "" : word + 1);
    char* end = strchr(event, '"');
    if (end != NULL) *end = '\0';
    answer_event(argc, argv);
    snprintf(request, sizeof request,
             "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: r\r\nConnection: close\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             request_id, strlen(answer), answer);
    talk(request, reply, sizeof reply);
  }
}
