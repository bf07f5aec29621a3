#include <math.h>

#include "check.h"
#include "json.h"

static char *line(void (*fill)(struct json *)) {
  struct json json;
  json_begin(&json, "t");
  fill(&json);
  return json_take(&json);
}

static void check_line(void (*fill)(struct json *), const char *expected) {
  char *text = line(fill);
  CHECK_TEXT(text, expected);
  free(text);
}

static void nothing(struct json *json) { (void)json; }

static void an_empty_line_has_its_type(void) { check_line(nothing, "{\"type\":\"t\"}"); }

static void awkward_text(struct json *json) {
  json_string(json, "quote", "a\"b\\c");
  json_string(json, "control", "\n\x01");
  json_string(json, "unicode", "Zürich");
}

static void text_is_escaped(void) {
  check_line(awkward_text,
             "{\"type\":\"t\",\"quote\":\"a\\\"b\\\\c\",\"control\":\"\\u000a\\u0001\","
             "\"unicode\":\"Zürich\"}");
}

static void numbers(struct json *json) {
  json_int(json, "low", INT64_MIN);
  json_uint(json, "high", UINT64_MAX);
  json_double(json, "tenth", 0.1);
  json_double(json, "nan", (double)NAN);
  json_hash(json, "hash", 0xab);
}

static void numbers_keep_every_digit(void) {
  check_line(numbers,
             "{\"type\":\"t\",\"low\":-9223372036854775808,"
             "\"high\":18446744073709551615,\"tenth\":0.10000000000000001,"
             "\"nan\":null,\"hash\":\"00000000000000ab\"}");
}

static void nested(struct json *json) {
  const uint64_t values[] = {1, 2};
  json_uints(json, "two", values, 2);
  json_uints(json, "none", values, 0);
  json_open(json, "object", '{');
  json_bool(json, "yes", true);
  json_null(json, "nothing");
  json_close(json, '}');
  json_bool(json, "after", false);
}

static void arrays_and_objects_nest(void) {
  check_line(nested,
             "{\"type\":\"t\",\"two\":[1,2],\"none\":[],"
             "\"object\":{\"yes\":true,\"nothing\":null},\"after\":false}");
}

static void long_array(struct json *json) {
  json_open(json, "many", '[');
  for (int i = 0; i < 5000; i++) json_int(json, NULL, i);
  json_close(json, ']');
}

static void a_line_grows_as_long_as_it_must(void) {
  char *text = line(long_array);
  CHECK(strstr(text, ",4998,4999]}") != NULL);
  free(text);
}

int main(void) {
  RUN(an_empty_line_has_its_type);
  RUN(text_is_escaped);
  RUN(numbers_keep_every_digit);
  RUN(arrays_and_objects_nest);
  RUN(a_line_grows_as_long_as_it_must);
  return check_result();
}
