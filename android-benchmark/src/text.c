#include "text.h"

#include <fcntl.h>
#include <unistd.h>

bool text_read(const char *path, char *text, size_t size) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  size_t length = 0;
  ssize_t got;
  while (length + 1 < size && (got = read(file, text + length, size - 1 - length)) > 0)
    length += (size_t)got;
  text[length] = '\0';
  close(file);
  return length > 0;
}
