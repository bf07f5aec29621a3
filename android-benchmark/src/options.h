/* The command line. Flags that TensorFlow Lite's benchmark_model has too mean what they mean
 * there. README.md explains all of them. */
#ifndef TFLCONV_OPTIONS_H
#define TFLCONV_OPTIONS_H

#include <stdbool.h>

struct options {
  int protocol;
  const char *graph;
  const char *runtime;
  int num_runs;
  int max_samples;
  double min_secs;
  double max_secs;
  double run_delay;
  double run_frequency;
  int warmup_runs;
  double warmup_min_secs;
  int num_threads;
  bool enable_op_profiling;
  const char *accelerator;
  const char *cpu_mask;
  const char *input_file;
  const char *output_filepath;
  const char *test_set;
  int seed;
  int xnnpack_flags;
  const char *weight_cache;
  double duty_cycle;
  double burst_secs;
  double report_secs;
};

/* Parse `--name=value`; fails on anything else, and ends after --help and --version. */
struct options options_parse(int argc, char **argv);

#endif
