#include "json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit_code.h"

static void append(struct json *json, const char *text, size_t length) {
  while (json->length + length + 1 > json->capacity) {
    json->capacity = json->capacity ? 2 * json->capacity : 1024;
    json->text = realloc(json->text, json->capacity);
    if (json->text == NULL) _exit(EXIT_SYSTEM); /* fail() needs memory, too */
  }
  memcpy(json->text + json->length, text, length);
  json->length += length;
  json->text[json->length] = '\0';
}

static void append_text(struct json *json, const char *text) { append(json, text, strlen(text)); }

static void append_quoted(struct json *json, const char *text) {
  append(json, "\"", 1);
  for (const char *at = text; *at; at++) {
    unsigned char byte = (unsigned char)*at;
    if (byte == '"' || byte == '\\') {
      append(json, "\\", 1);
      append(json, at, 1);
    } else if (byte < 0x20) {
      char escape[8];
      snprintf(escape, sizeof escape, "\\u%04x", byte);
      append_text(json, escape);
    } else {
      append(json, at, 1);
    }
  }
  append(json, "\"", 1);
}

static void member(struct json *json, const char *name) {
  if (!json->first) append(json, ",", 1);
  json->first = false;
  if (name == NULL) return;
  append_quoted(json, name);
  append(json, ":", 1);
}

void json_begin(struct json *json, const char *type) {
  *json = (struct json){.first = true};
  append(json, "{", 1);
  json_string(json, "type", type);
}

char *json_take(struct json *json) {
  append(json, "}", 1);
  return json->text;
}

bool json_write(struct json *json) {
  append_text(json, "}\n");
  const char *at = json->text;
  size_t left = json->length;
  while (left > 0) {
    ssize_t written = write(STDOUT_FILENO, at, left);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    at += written;
    left -= (size_t)written;
  }
  free(json->text);
  return left == 0;
}

void json_null(struct json *json, const char *name) {
  member(json, name);
  append_text(json, "null");
}

void json_bool(struct json *json, const char *name, bool value) {
  member(json, name);
  append_text(json, value ? "true" : "false");
}

void json_int(struct json *json, const char *name, int64_t value) {
  char digits[32];
  snprintf(digits, sizeof digits, "%lld", (long long)value);
  member(json, name);
  append_text(json, digits);
}

void json_uint(struct json *json, const char *name, uint64_t value) {
  char digits[32];
  snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
  member(json, name);
  append_text(json, digits);
}

void json_double(struct json *json, const char *name, double value) {
  if (!isfinite(value)) {
    json_null(json, name);
    return;
  }
  char digits[40];
  snprintf(digits, sizeof digits, "%.17g", value);
  member(json, name);
  append_text(json, digits);
}

void json_hash(struct json *json, const char *name, uint64_t value) {
  char digits[20];
  snprintf(digits, sizeof digits, "%016llx", (unsigned long long)value);
  json_string(json, name, digits);
}

void json_string(struct json *json, const char *name, const char *value) {
  member(json, name);
  append_quoted(json, value);
}

void json_uints(struct json *json, const char *name, const uint64_t *values, size_t count) {
  json_open(json, name, '[');
  for (size_t i = 0; i < count; i++) json_uint(json, NULL, values[i]);
  json_close(json, ']');
}

void json_open(struct json *json, const char *name, char bracket) {
  member(json, name);
  append(json, &bracket, 1);
  json->first = true;
}

void json_close(struct json *json, char bracket) {
  append(json, &bracket, 1);
  json->first = false;
}
