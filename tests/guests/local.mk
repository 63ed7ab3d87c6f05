# Rules of tests/guests/: freestanding programs that run in a VM. guests.make builds them; every make asks it.
GUESTS = \
	tests/guests/churn.elf \
	tests/guests/cow.elf \
	tests/guests/faults.elf \
	tests/guests/hello.elf \
	tests/guests/hostile.elf \
	tests/guests/irq32.elf \
	tests/guests/irq64.elf \
	tests/guests/loop64.elf \
	tests/guests/matrix.elf \
	tests/guests/quirks.elf \
	tests/guests/slots.elf \
	tests/guests/smp.elf \
	tests/guests/spin.elf \
	tests/guests/tour.elf \
	tests/guests/triple.elf \
	tests/guests/user.elf \
	tests/guests/vandal.elf \
	tests/guests/wild.elf
noinst_DATA += $(GUESTS)
EXTRA_DIST += \
	doc/guests.md \
	tests/guests/boot.S \
	tests/guests/churn.c \
	tests/guests/churn.h \
	tests/guests/churn_model.c \
	tests/guests/churn_ops.c \
	tests/guests/churn_store.c \
	tests/guests/churn_tables.c \
	tests/guests/cow.c \
	tests/guests/cow.h \
	tests/guests/cow_space.c \
	tests/guests/cow_user.S \
	tests/guests/cpu.h \
	tests/guests/faults.h \
	tests/guests/faults32.c \
	tests/guests/faults64.c \
	tests/guests/faults_rules.c \
	tests/guests/faults_run.c \
	tests/guests/faults_user.S \
	tests/guests/guest.lds \
	tests/guests/guests.make \
	tests/guests/hello.c \
	tests/guests/images.make \
	tests/guests/hostile.c \
	tests/guests/irq.h \
	tests/guests/irq32.c \
	tests/guests/irq64.c \
	tests/guests/irq_common.c \
	tests/guests/irq_devices.c \
	tests/guests/lib.c \
	tests/guests/lib.h \
	tests/guests/loop64.c \
	tests/guests/loop_slices.h \
	tests/guests/matrix.h \
	tests/guests/matrix32.c \
	tests/guests/matrix64.c \
	tests/guests/matrix_access32.S \
	tests/guests/matrix_access64.S \
	tests/guests/matrix_cases.c \
	tests/guests/matrix_rules.c \
	tests/guests/matrix_run.c \
	tests/guests/only64.c \
	tests/guests/slots.c \
	tests/guests/paging32.c \
	tests/guests/paging64.c \
	tests/guests/print.c \
	tests/guests/smp.c \
	tests/guests/smp_start.S \
	tests/guests/quirks.c \
	tests/guests/quirks_stack.S \
	tests/guests/spin.c \
	tests/guests/start32.c \
	tests/guests/tour.h \
	tests/guests/tour32.c \
	tests/guests/tour64.c \
	tests/guests/tour_checks.c \
	tests/guests/traps.c \
	tests/guests/traps.h \
	tests/guests/traps32.S \
	tests/guests/traps64.S \
	tests/guests/triple.c \
	tests/guests/user.h \
	tests/guests/user32.c \
	tests/guests/user64.c \
	tests/guests/user_common.c \
	tests/guests/user_debug.S \
	tests/guests/user_debug.c \
	tests/guests/user_shared.S \
	tests/guests/user_syscall.S \
	tests/guests/user_syscall.c \
	tests/guests/vandal.c \
	tests/guests/wild.c

GUESTS += tests/guests/flags.elf tests/guests/halves.elf tests/guests/pace.elf tests/guests/platform.elf tests/guests/reuse.elf \
	tests/guests/stores.elf
EXTRA_DIST += \
	tests/guests/flags.c \
	tests/guests/halves.c \
	tests/guests/pace.c \
	tests/guests/platform.h \
	tests/guests/platform32.c \
	tests/guests/platform64.c \
	tests/guests/platform_disk.c \
	tests/guests/reuse.c \
	tests/guests/stores.c \
	tests/guests/stores.h \
	tests/guests/stores_insn.c \
	tests/guests/stores_run.S \
	tests/guests/stores_space.c

$(GUESTS): guests-build
	@:
.PHONY: guests-build
guests-build:
	@$(MKDIR_P) tests/guests
	@$(MAKE) --no-print-directory -f $(abs_top_srcdir)/tests/guests/guests.make \
		srcdir='$(abs_top_srcdir)' builddir='$(abs_top_builddir)' CC='$(CC)' WARN='$(WARN_CFLAGS)'
clean-local:
	rm -f tests/guests/*.elf tests/guests/*.elf.tmp* tests/guests/*.o tests/guests/*.o.*
