# SPDX-License-Identifier: GPL-2.0-or-later
# The guest images and their parts; see guests.make. Read by make only.
IMAGES = churn cow faults hello hostile irq32 irq64 loop64 matrix quirks slots smp spin tour triple user vandal wild

churn_PARTS = $(ONLY64) churn.c64 churn_model.c64 churn_ops.c64 churn_store.c64 churn_tables.c64
cow_PARTS = $(ONLY64) paging64.c64 cow.c64 cow_space.c64 cow_user.S64
faults_PARTS = $(LIB32) $(TRAPS32) $(LIB64) $(TRAPS64) paging32.c32 paging64.c64 faults32.c32 faults64.c64 faults_rules.c32 \
	faults_rules.c64 faults_run.c32 faults_run.c64 faults_user.S32 faults_user.S64
hello_PARTS = $(LIB32) hello.c32
hostile_PARTS = $(ONLY64) hostile.c64
irq32_PARTS = $(LIB32) $(TRAPS32) paging32.c32 irq32.c32 irq_common.c32 irq_devices.c32
irq64_PARTS = $(ONLY64) paging64.c64 irq64.c64 irq_common.c64 irq_devices.c64
loop64_PARTS = $(ONLY64) loop64.c64
matrix_PARTS = $(LIB32) $(TRAPS32) $(LIB64) $(TRAPS64) paging32.c32 paging64.c64 matrix32.c32 matrix64.c64 \
	matrix_access32.S32 matrix_access64.S64 matrix_cases.c32 matrix_cases.c64 matrix_rules.c32 matrix_rules.c64 \
	matrix_run.c32 matrix_run.c64
quirks_PARTS = $(ONLY64) quirks.c64 quirks_stack.S64
slots_PARTS = $(ONLY64) slots.c64
smp_PARTS = $(ONLY64) smp.c64 smp_start.S64
spin_PARTS = $(ONLY64) spin.c64
tour_PARTS = $(LIB32) $(TRAPS32) $(LIB64) $(TRAPS64) paging32.c32 tour_checks.c32 tour_checks.c64 tour32.c32 tour64.c64
triple_PARTS = $(LIB32) triple.c32
user_PARTS = $(LIB32) $(TRAPS32) $(LIB64) $(TRAPS64) paging32.c32 paging64.c64 user32.c32 user64.c64 user_common.c32 \
	user_common.c64 user_debug.S64 user_debug.c64 user_shared.S32 user_shared.S64 user_syscall.S64 user_syscall.c64
vandal_PARTS = $(ONLY64) vandal.c64
wild_PARTS = $(LIB32) wild.c32

IMAGES += flags halves pace platform reuse stores
flags_PARTS = $(ONLY64) flags.c64
halves_PARTS = $(LIB32) paging32.c32 halves.c32
pace_PARTS = $(ONLY64) pace.c64 irq_devices.c64
platform_PARTS = $(LIB32) $(LIB64) $(TRAPS64) paging32.c32 platform32.c32 platform64.c64 platform_disk.c32 platform_disk.c64
reuse_PARTS = $(ONLY64) reuse.c64 irq_devices.c64
stores_PARTS = $(ONLY64) stores.c64 stores_insn.c64 stores_run.S64 stores_space.c64 native_forms.c64
