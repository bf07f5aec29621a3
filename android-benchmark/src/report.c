#include "report.h"

#include "abi.h"
#include "fail.h"
#include "json.h"

void report_hello(void) {
  struct json line;
  json_begin(&line, "hello");
  json_int(&line, "protocol", PROTOCOL);
  json_string(&line, "abi", ABI);
  must_write(&line);
}

static void report_tensor(struct json *line, const struct tensor *tensor) {
  json_open(line, NULL, '{');
  json_string(line, "name", tensor->name);
  json_string(line, "type", litert_type_name(tensor->type.element_type));
  json_open(line, "shape", '[');
  for (unsigned i = 0; i < tensor->type.layout.rank; i++)
    json_int(line, NULL, tensor->type.layout.dims[i]);
  json_close(line, ']');
  json_uint(line, "bytes", tensor->bytes);
  json_double(line, "scale", (double)tensor->quantization.scale);
  json_int(line, "zero_point", tensor->quantization.zero_point);
  json_close(line, '}');
}

static void report_tensors(struct json *line, const char *name, const struct tensor *tensors,
                           size_t count) {
  json_open(line, name, '[');
  for (size_t i = 0; i < count; i++) report_tensor(line, &tensors[i]);
  json_close(line, ']');
}

void report_init(const struct session *session, const struct cores *cores, uint64_t first_ns,
                 uint64_t output_digest) {
  struct json line;
  json_begin(&line, "init");
  json_uint(&line, "load_ns", session->load_ns);
  json_uint(&line, "compile_ns", session->compile_ns);
  json_uint(&line, "buffers_ns", session->buffers_ns);
  json_uint(&line, "init_ns", session->load_ns + session->compile_ns + session->buffers_ns);
  json_uint(&line, "first_inference_ns", first_ns);
  json_hash(&line, "output_digest", output_digest);
  json_uint(&line, "nodes", session->nodes);
  json_bool(&line, "fully_accelerated", session->fully_accelerated);
  json_bool(&line, "on_accelerator", session->on_accelerator);
  json_uint(&line, "cpu_mask", cores->mask);
  json_bool(&line, "cpu_mask_chosen_again", cores->chosen_again);
  report_tensors(&line, "inputs", session->inputs, session->input_count);
  report_tensors(&line, "outputs", session->outputs, session->output_count);
  must_write(&line);
}

static void report_khz(struct json *line, const struct cores *cores) {
  uint64_t khz[CORES_MAX];
  json_uints(line, "khz", khz, cores_khz(cores->mask, khz));
}

void report_samples(const char *phase, const struct samples *samples, const struct cores *cores) {
  struct json line;
  json_begin(&line, "run");
  json_string(&line, "phase", phase);
  json_uint(&line, "at_ns", samples->at_ns);
  json_uint(&line, "runs", samples->runs);
  json_uints(&line, "samples_ns", samples->ns, samples->count);
  if (cores) report_khz(&line, cores);
  must_write(&line);
}

static void report_count(struct json *line, const char *name, const struct cpu *cpu,
                         uint64_t value) {
  if (cpu->counts.counted)
    json_uint(line, name, value);
  else
    json_null(line, name);
}

void report_cpu(const struct cpu *cpu) {
  struct json line;
  json_begin(&line, "cpu");
  json_uint(&line, "runs", cpu->runs);
  json_uint(&line, "wall_ns", cpu->wall_ns);
  json_uint(&line, "cpu_ns", cpu->used.cpu_ns);
  json_uint(&line, "user_ns", cpu->used.user_ns);
  json_uint(&line, "system_ns", cpu->used.system_ns);
  json_uint(&line, "voluntary_switches", cpu->used.voluntary_switches);
  json_uint(&line, "involuntary_switches", cpu->used.involuntary_switches);
  if (cpu->rate_hz > 0)
    json_double(&line, "rate_hz", cpu->rate_hz);
  else
    json_null(&line, "rate_hz");
  report_count(&line, "instructions", cpu, cpu->counts.instructions);
  report_count(&line, "cycles", cpu, cpu->counts.cycles);
  if (cpu->counts.counted)
    json_null(&line, "why_not_counted");
  else
    json_string(&line, "why_not_counted", cpu->why_not_counted);
  must_write(&line);
}

void report_memory(struct memory before_init, struct memory after_init, struct memory now) {
  struct json line;
  json_begin(&line, "memory");
  json_uint(&line, "before_init_bytes", before_init.current_bytes);
  json_uint(&line, "after_init_bytes", after_init.current_bytes);
  json_uint(&line, "current_bytes", now.current_bytes);
  json_uint(&line, "peak_bytes", now.peak_bytes);
  must_write(&line);
}

void report_end(const struct cores *cores) {
  struct json line;
  json_begin(&line, "end");
  json_bool(&line, "cpu_mask_kept", cores_available() == cores->mask);
  must_write(&line);
}
