# Checks beside make check: lint (scripts/lint/: an executable there is a check more), check-unit, check-hosts (other kinds of
# host, emulated), check-long (up to an hour), check-counters (is every counter above 0 in some test?), coverage (of the pool library by
# its tests), check-mutants and check-daemon-mutants (tests/mutants/local.mk).
EXTRA_DIST += checks.mk scripts/lint tests/unit/poold/pool/pool-coverage .ci/run scripts/demo scripts/check scripts/lib/packages.sh \
	tests/hosts/host-box tests/hosts/run-tests tests/hosts/check-hosts tests/integration/counters-seen tests/systemd/systemd-box doc/architecture.md doc/fault-path.md \
	doc/flags-patcher.md doc/hosts.md doc/smp.md \
	doc/debugging.md tests/README.md \
	doc/spec/guest-cpu.md doc/spec/host-facts.md doc/spec/pool.md doc/spec/ring.md

TO_LINT = autogen.sh .ci/run scripts/demo scripts/check scripts/lib/*.sh $$(grep -lE "^.!/bin/(ba)?sh" scripts/lint/*) scripts/lint/lib.sh scripts/lint/*.planted \
	systemd/verify \
	tests/hosts/host-box tests/hosts/run-tests tests/hosts/check-hosts tests/integration/counters-seen tests/systemd/systemd-box tests/integration/*.sh tests/run-limited tests/unit/run-criterion tests/unit/poold/pool/pool-coverage tests/unit/*/*/*.sh tests/kernels/run-kernels tests/kernels/*.sh \
	tests/mutants/run-mutants tests/mutants/run-daemons tests/mutants/rules.sh tests/bench/native-speed
.PHONY: lint check-unit check-threads check-hosts check-long check-random check-counters coverage
lint: all
	cd $(top_srcdir) && shellcheck -S warning -x -e SC1090,SC1091,SC2154 $(TO_LINT)
	@cd $(top_srcdir) && for s in $(TO_LINT); do \
		case $$(head -c 2 $$s) in '#!') [ -x $$s ] || { echo "$$s: not executable (chmod +x)"; exit 1; } ;; esac; done
	cd $(top_srcdir) && for m in man/*.[1-9]; do [ ! -e $$m ] || mandoc -T lint -W warning $$m || exit 1; done
	$(top_srcdir)/systemd/verify $(UNITS)
	@cc='$(CC)' cppflags='$(DEFS) $(AM_CPPFLAGS) $(TEST_CFLAGS)' $(top_srcdir)/scripts/lint/run $(abs_top_builddir)

check-unit: all
	$(MAKE) check TESTS='$(UNIT_TESTS)' check_PROGRAMS='$(UNIT_TESTS)'

# The tests with threads, and nothing else is built: what a tree with --enable-tsan is for.
check-threads: $(BUILT_SOURCES) config.h
	$(MAKE) $(AM_MAKEFLAGS) $(LINK_TESTS)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(LINK_TESTS)'

check-hosts: all tests/integration/json_check $(INTEGRATION_TESTS)
	$(top_srcdir)/tests/hosts/check-hosts $(abs_top_builddir)

# As many edits as the guest makes by itself, other histories, the whole access-rights matrix, a million
# instructions through the emulator and the CPU, in a process and in a VM, more processes and more hostile accesses.
# Each takes many times as long as in make check: so do its time limits.
LONG = SHADOWPOOL_TEST_SCALE=$${SHADOWPOOL_TEST_SCALE:-20}
check-long: all check-random
	$(LONG) CHURN_EDITS=200000 $(MAKE) check TESTS=tests/integration/test_churn
	$(LONG) EMULATE_CASES=1000000 $(MAKE) check TESTS=tests/unit/trapd/emulate/test_emulate_cpu
	$(LONG) COW_STEPS=20000 COW_PROCESSES=500 $(MAKE) check TESTS=tests/integration/test_cow
	$(LONG) VANDAL_ACCESSES=300000 VANDAL_SEED=2 $(MAKE) check TESTS=tests/integration/test_vandal
	$(LONG) STORES_CASES=1000000 $(MAKE) check TESTS=tests/integration/test_stores
	$(LONG) BESIDE_SECONDS=60 $(MAKE) check TESTS=tests/integration/test_beside
	$(LONG) MATRIX_SLICES=1 $(MAKE) check TESTS=tests/integration/test_matrix
	for seed in 2 3 4 5; do $(LONG) CHURN_SEED=$$seed CHURN_EDITS=20000 $(MAKE) check TESTS=tests/integration/test_churn || exit 1; done

# Ten million random steps against the pool; POOL_RANDOM_SEED=N POOL_RANDOM_OPS=1 runs the plan of one seed again.
check-random:
	$(MAKE) $(AM_MAKEFLAGS) tests/unit/poold/pool/test_pool_random
	POOL_RANDOM_OPS=$${POOL_RANDOM_OPS:-10000000} tests/unit/poold/pool/test_pool_random --filter 'pool_random/long_run'

# Is every counter above 0 in some test? Needs /dev/kvm: a test that is skipped moves nothing.
check-counters:
	rm -f counters-seen.*
	SHADOWPOOL_COUNTERS=$(abs_builddir)/counters-seen.daemons POOL_COUNTERS=$(abs_builddir)/counters-seen.library \
		$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(UNIT_TESTS) $(INTEGRATION_TESTS)'
	cd $(top_srcdir) && tests/integration/counters-seen $(abs_builddir)/counters-seen.*

coverage:
	$(top_srcdir)/tests/unit/poold/pool/pool-coverage $(abs_top_srcdir) coverage $(UNIT_TESTS)
