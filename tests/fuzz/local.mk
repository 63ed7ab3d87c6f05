# libFuzzer targets, with clang and --enable-fuzz only. tests/fuzz/corpus/NAME is where fuzz_NAME starts from.
EXTRA_DIST += tests/fuzz/run-fuzz.sh \
	tests/fuzz/corpus/loader/elf32 tests/fuzz/corpus/loader/bzimage tests/fuzz/corpus/loader/elf64 tests/fuzz/corpus/loader/flat
EXTRA_DIST += \
	tests/fuzz/corpus/pool/legacy \
	tests/fuzz/corpus/pool/long \
	tests/fuzz/corpus/trace/long \
	tests/fuzz/corpus/trace/unpaged
if ENABLE_FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_pool tests/fuzz/fuzz_trace
tests_fuzz_fuzz_pool_SOURCES = tests/fuzz/fuzz_pool.c
tests_fuzz_fuzz_pool_LDADD = poold/libpoold.a poold/libpool.a common/libcommon.a
tests_fuzz_fuzz_pool_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_trace_SOURCES = tests/fuzz/fuzz_trace.c
tests_fuzz_fuzz_trace_LDADD = poold/libpoold.a poold/libpool.a common/libcommon.a
tests_fuzz_fuzz_trace_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
noinst_PROGRAMS += tests/fuzz/fuzz_loader
tests_fuzz_fuzz_loader_SOURCES = tests/fuzz/fuzz_loader.c
tests_fuzz_fuzz_loader_LDADD = trapd/libtrapd.a common/libcommon.a
tests_fuzz_fuzz_loader_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
TESTS += tests/fuzz/run-fuzz.sh
endif
