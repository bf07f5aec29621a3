/* Marks around one inference, between which qemu/count.c counts instructions.
 *
 * A mark is an instruction that does nothing and that no compiler writes; on a phone it costs one
 * cycle at most. On other processors nothing counts, so there are no marks.
 */
#ifndef TFLCONV_MARK_H
#define TFLCONV_MARK_H

#ifdef __aarch64__
#define MARK_BEGIN() __asm__ volatile("movz xzr, #0x7f10" ::: "memory")
#define MARK_END() __asm__ volatile("movz xzr, #0x7f11" ::: "memory")
#else
#define MARK_BEGIN() ((void)0)
#define MARK_END() ((void)0)
#endif

#endif
