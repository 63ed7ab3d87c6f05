# libFuzzer targets, with clang and --enable-fuzz only. tests/fuzz/corpus/NAME is where fuzz_NAME starts from.
EXTRA_DIST += tests/fuzz/run-fuzz.sh tests/fuzz/not-steering \
	tests/fuzz/corpus/loader/elf32 tests/fuzz/corpus/loader/bzimage tests/fuzz/corpus/loader/elf64 tests/fuzz/corpus/loader/flat
EXTRA_DIST += tests/fuzz/corpus/pool tests/fuzz/corpus/trace
if ENABLE_FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_pool tests/fuzz/fuzz_trace
# A pool that fits into the caches is looked at thousands of times a second: these have their own build of the library.
FUZZ_CPPFLAGS = $(AM_CPPFLAGS) -DPOOL_MIN_PAGES=64u
tests_fuzz_fuzz_pool_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_pool_SOURCES = tests/fuzz/fuzz_pool.c poold/trace/call.c $(POOL_SOURCES)
tests_fuzz_fuzz_pool_LDADD = common/libcommon.a
tests_fuzz_fuzz_pool_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_trace_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_trace_SOURCES = tests/fuzz/fuzz_trace.c $(TRACE_SOURCES) $(POOL_SOURCES)
tests_fuzz_fuzz_trace_LDADD = common/libcommon.a
tests_fuzz_fuzz_trace_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
noinst_PROGRAMS += tests/fuzz/fuzz_loader
tests_fuzz_fuzz_loader_SOURCES = tests/fuzz/fuzz_loader.c
tests_fuzz_fuzz_loader_LDADD = $(TRAPD_ROOMS) common/libcommon.a
tests_fuzz_fuzz_loader_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
TESTS += tests/fuzz/run-fuzz.sh
endif
