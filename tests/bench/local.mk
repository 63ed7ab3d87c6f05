# Measurements: make bench-NAME. Built by these rules only, and not part of make check: a loaded machine proves nothing.
EXTRA_PROGRAMS += tests/bench/bench_pool
tests_bench_bench_pool_SOURCES = tests/bench/bench_pool.c tests/bench/guest.c tests/bench/guest.h tests/bench/noise.c \
	tests/bench/noise.h
tests_bench_bench_pool_LDADD = $(POOL_LIBS) common/libcommon.a
CLEANFILES += tests/bench/bench_pool

.PHONY: bench-pool
bench-pool: tests/bench/bench_pool
	tests/bench/bench_pool

# Guest code beside the same code in a process.
EXTRA_PROGRAMS += tests/bench/native_loop
tests_bench_native_loop_SOURCES = tests/bench/native_loop.c
tests_bench_native_loop_LDADD =
CLEANFILES += tests/bench/native_loop
EXTRA_DIST += tests/bench/native-speed
.PHONY: bench-native
bench-native: all tests/bench/native_loop
	$(top_srcdir)/tests/bench/native-speed $(abs_top_builddir)
