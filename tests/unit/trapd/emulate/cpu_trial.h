/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One instruction on the real CPU, in this process, and what became of it, faults included: the kernel enters it by a
 * return from a signal and brings the state back with the next one. For tests that compare with it. One thread.
 */
#ifndef SHADOWPOOL_TESTS_CPU_TRIAL_H
#define SHADOWPOOL_TESTS_CPU_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/unit/trapd/emulate/native_forms.h"

struct cpu_result { struct native_state state; uint64_t rip; uint8_t vector; uint32_t error; uint64_t cr2; };

/* Handlers of SIGSEGV, SIGBUS, SIGILL and their like are the trial's from here on. */
void cpu_trial_init(void);
/*
 * Run at rip until it traps; the code must end in UD2. bits: 64, or 32 with rip below 4 GiB (flat segments, R8 to R15 and
 * upper halves are not passed on). Error codes of page faults above the lower half are the kernel's word, not the CPU's.
 */
void cpu_trial_run(const struct native_state *in, uint64_t rip, unsigned bits, struct cpu_result *out);
/* Does this kernel let a 64-bit process run 32-bit code? code: a writable and executable byte below 4 GiB, and one more. */
bool cpu_trial_has32(uint8_t *code);
/*
 * Does this kernel go back to a process whose RSP is not canonical? The CPU does; some hypervisors that carry out the return for
 * the kernel answer with #GP. code: two bytes, writable and executable.
 */
bool cpu_trial_resumes_any_rsp(uint8_t *code);

#endif
