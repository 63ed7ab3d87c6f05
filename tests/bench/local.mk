# Measurements: make bench-NAME. Built by these rules only, and not part of make check: a loaded machine proves nothing.
EXTRA_PROGRAMS += tests/bench/bench_pool
tests_bench_bench_pool_SOURCES = tests/bench/bench_pool.c tests/bench/guest.c tests/bench/guest.h tests/bench/noise.c \
	tests/bench/noise.h
tests_bench_bench_pool_LDADD = $(POOL_LIBS) common/libcommon.a
CLEANFILES += tests/bench/bench_pool

.PHONY: bench-pool
bench-pool: tests/bench/bench_pool
	tests/bench/bench_pool
