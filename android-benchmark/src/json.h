/* One JSON object per line, built in memory and written to stdout at once. */
#ifndef TFLCONV_JSON_H
#define TFLCONV_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
  char *text;
  size_t length, capacity;
  bool first; /* no comma before the next value */
};

/* Start `{"type":"<type>"`. */
void json_begin(struct json *json, const char *type);

/* Close the object, write the line, free the buffer; false if stdout did not take it all, with
 * the reason in errno. */
bool json_write(struct json *json);
/* Close the object and return its text without the newline; the caller frees it. */
char *json_take(struct json *json);

/* Members of an object; `name` is NULL for elements of an array. */
void json_null(struct json *json, const char *name);
void json_bool(struct json *json, const char *name, bool value);
void json_int(struct json *json, const char *name, int64_t value);
void json_uint(struct json *json, const char *name, uint64_t value);
void json_double(struct json *json, const char *name, double value); /* null unless finite */
void json_hash(struct json *json, const char *name, uint64_t value); /* 16 hex digits */
void json_string(struct json *json, const char *name, const char *value);
void json_uints(struct json *json, const char *name, const uint64_t *values, size_t count);

void json_open(struct json *json, const char *name, char bracket); /* '{' or '[' */
void json_close(struct json *json, char bracket);                  /* '}' or ']' */

#endif
