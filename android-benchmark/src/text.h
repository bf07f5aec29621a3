/* Small files of text, as /proc and /sys have them. */
#ifndef TFLCONV_TEXT_H
#define TFLCONV_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Read up to `size` - 1 characters of the file into `text`; false if it cannot be read. */
bool text_read(const char *path, char *text, size_t size);

#endif
