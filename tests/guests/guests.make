# SPDX-License-Identifier: GPL-2.0-or-later
# The guest images, built apart from the rest because nothing of the host's flags or libraries may get in: called by
# local.mk with srcdir and builddir (absolute), CC, WARN. An image is linked as ELF64, so that 32- and 64-bit code can lie
# side by side, and rewritten as ELF32, which every Multiboot loader takes. 32-bit C goes through the compiler's assembler
# text (.code32) into a 64-bit object whose symbols get the prefix m32_.
G = $(srcdir)/tests/guests
OUT = $(builddir)/tests/guests
OBJCOPY ?= objcopy
LD ?= ld

FLAGS = -std=gnu11 -O2 -ffreestanding -nostdlib -fno-pic -mgeneral-regs-only -fcf-protection=none -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing -U_FORTIFY_SOURCE -fmacro-prefix-map=$(srcdir)/= -I$(srcdir) -MMD -MP $(WARN)
FLAGS64 = $(FLAGS) -m64 -mno-red-zone -mcmodel=small
FLAGS32 = $(FLAGS) -m32 -march=i686

LIB32 = boot.S32 start32.c32 lib.c32 print.c32
LIB64 = lib.c64 print.c64 traps64.S64
TRAPS32 = traps32.S32 traps.c32
TRAPS64 = traps.c64
ONLY64 = $(LIB32) $(LIB64) $(TRAPS64) only64.c32

# One line per image: its parts; FILE.c32 is FILE.c as 32-bit code, FILE.c64 as 64-bit code.
include $(G)/images.make

object = $(patsubst %.c32,$(OUT)/%.32.o,$(patsubst %.c64,$(OUT)/%.64.o,$(patsubst %.S32,$(OUT)/%.s32.o,$(patsubst %.S64,$(OUT)/%.s64.o,$(1)))))

all: $(IMAGES:%=$(OUT)/%.elf)
.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:

$(OUT)/%.elf: $$(call object,$$($$*_PARTS)) $(G)/guest.lds $(G)/images.make
	@echo "  GUEST    tests/guests/$*.elf"
	@$(LD) -m elf_x86_64 -n -z max-page-size=4096 -z noexecstack --build-id=none -T $(G)/guest.lds -o $@.tmp $(filter %.o,$^)
	@$(OBJCOPY) -O elf32-i386 $@.tmp $@.tmp2
	@mv $@.tmp2 $@
	@rm -f $@.tmp

# stores.elf has native_forms.c in common with the unit tests of the emulator.
$(OUT)/%.64.o: $(G)/%.c
	@$(CC) $(FLAGS64) -MF $@.d -c -o $@ $<
$(OUT)/%.64.o: $(srcdir)/tests/unit/trapd/emulate/%.c
	@$(CC) $(FLAGS64) -MF $@.d -c -o $@ $<

$(OUT)/%.32.o: $(G)/%.c
	@$(CC) $(FLAGS32) -MF $@.d -MT $@ -S -o $@.s $<
	@{ echo .code32; cat $@.s; } >$@.code32.s
	@$(CC) -m64 -c -o $@.tmp $@.code32.s
	@$(OBJCOPY) --prefix-symbols=m32_ $@.tmp $@
	@rm -f $@.s $@.code32.s $@.tmp

# Assembler that holds code of both widths names the prefix itself: boot.S. Pure 32-bit files get it here.
$(OUT)/boot.s32.o: $(G)/boot.S
	@$(CC) -m64 -I$(srcdir) -MMD -MP -MF $@.d -c -o $@ $<
$(OUT)/%.s32.o: $(G)/%.S
	@$(CC) -m64 -I$(srcdir) -MMD -MP -MF $@.d -c -o $@.tmp $<
	@$(OBJCOPY) --prefix-symbols=m32_ $@.tmp $@
	@rm -f $@.tmp
$(OUT)/%.s64.o: $(G)/%.S
	@$(CC) -m64 -I$(srcdir) -MMD -MP -MF $@.d -c -o $@ $<

-include $(wildcard $(OUT)/*.o.d)
