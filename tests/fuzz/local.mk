# libFuzzer targets, with clang and --enable-fuzz only. tests/fuzz/corpus/NAME is where fuzz_NAME starts from.
EXTRA_DIST += tests/fuzz/run-fuzz.sh \
	tests/fuzz/corpus/loader/elf32 tests/fuzz/corpus/loader/elf64 tests/fuzz/corpus/loader/flat
if ENABLE_FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_loader
tests_fuzz_fuzz_loader_SOURCES = tests/fuzz/fuzz_loader.c
tests_fuzz_fuzz_loader_LDADD = trapd/libtrapd.a common/libcommon.a
tests_fuzz_fuzz_loader_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
TESTS += tests/fuzz/run-fuzz.sh
endif
