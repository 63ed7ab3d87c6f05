# Rules of tests/guests/: freestanding programs that run in a VM. guests.make builds them; every make asks it.
GUESTS = \
	tests/guests/hello.elf
noinst_DATA += $(GUESTS)
EXTRA_DIST += tests/guests/guests.make tests/guests/images.make tests/guests/guest.lds \
	tests/guests/boot.S \
	tests/guests/cpu.h \
	tests/guests/hello.c \
	tests/guests/lib.c \
	tests/guests/lib.h \
	tests/guests/only64.c \
	tests/guests/print.c \
	tests/guests/start32.c \
	tests/guests/traps.c \
	tests/guests/traps.h \
	tests/guests/traps32.S \
	tests/guests/traps64.S

$(GUESTS): guests-build
	@:
.PHONY: guests-build
guests-build:
	@$(MKDIR_P) tests/guests
	@$(MAKE) --no-print-directory -f $(abs_top_srcdir)/tests/guests/guests.make \
		srcdir='$(abs_top_srcdir)' builddir='$(abs_top_builddir)' CC='$(CC)' WARN='$(WARN_CFLAGS)'
clean-local:
	rm -f tests/guests/*.elf tests/guests/*.elf.tmp* tests/guests/*.o tests/guests/*.o.*
