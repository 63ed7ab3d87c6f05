# Criterion programs, run by run-criterion through the TAP driver; the folders mirror the rooms. What needs threads under TSan or
# several processes is no Criterion program: *.test or *.sh, exit 0, 1 or 77.
# A module adds one line, UNIT_TESTS += tests/unit/ROOM/test_NAME, and a _SOURCES line if it needs a fake or a fixture.
UNIT_LIBS = $(TRAPD_ROOMS) $(POOLD_ROOMS) common/libcommon.a proto/libproto.a \
	$(EVENT_LIBS) $(PROTOBUF_LIBS) $(CAPSTONE_LIBS) $(SECCOMP_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS) -lpthread
# A test may include the headers of any room.
TEST_CFLAGS = $(EVENT_CFLAGS) $(PROTOBUF_CFLAGS) $(CAPSTONE_CFLAGS) $(SECCOMP_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS) $(CRITERION_CFLAGS)
tests/%.o: private AM_CPPFLAGS += $(TEST_CFLAGS)
# Criterion, and the time limit of each test; a program with an _LDADD of its own has it there.
UNIT_CRITERION = tests/unit/limits.$(OBJEXT) $(CRITERION_LIBS)
EXTRA_LIBRARIES = tests/unit/liblimits.a
tests_unit_liblimits_a_SOURCES = tests/unit/limits.c tests/wait.h
# Of every program that has no _LDADD of its own.
LDADD = $(UNIT_LIBS) $(UNIT_CRITERION)
UNIT_TESTS =
EXTRA_DIST += tests/unit/run-criterion tests/unit/lsan.supp

# A vCPU without KVM and poold; devices without a VM; lines and a clock that stand still.
FAKE_VCPU = tests/unit/fakes/fake_vcpu.c tests/unit/fakes/fake_vcpu.h tests/unit/fakes/insn_said.h
FAKE_BUS = tests/unit/fakes/fake_bus.c tests/unit/fakes/fake_bus.h
FAKE_IRQS = tests/unit/fakes/fake_irqs.c tests/unit/fakes/fake_irqs.h
FAKE_PLATFORM = tests/unit/fakes/fake_platform.c tests/unit/fakes/fake_platform.h
FAKE_TABLES = tests/unit/fakes/fake_tables.c tests/unit/fakes/fake_tables.h $(FAKE_VCPU)
# The pool library, with the test as trapd.
POOL_FIXTURE = tests/unit/poold/pool/pool_fixture.c tests/unit/poold/pool/pool_fixture.h

include tests/unit/common/local.mk
include tests/unit/poold/local.mk
include tests/unit/poold/attach/local.mk
include tests/unit/poold/serve/local.mk
include tests/unit/poold/pool/local.mk
include tests/unit/trapd/local.mk
include tests/unit/trapd/control/local.mk
include tests/unit/trapd/cpu/local.mk
include tests/unit/trapd/loader/local.mk
include tests/unit/trapd/trap/local.mk
include tests/unit/trapd/code/local.mk
include tests/unit/trapd/link/local.mk
include tests/unit/trapd/devices/local.mk
include tests/unit/trapd/priv/local.mk
include tests/unit/trapd/emulate/local.mk
include tests/unit/trapd/insn/local.mk

# Exhaustive models of the handshakes, with store buffers; exit 77 without spin(1).
LINK_MODELS = tests/models/kill.pml tests/models/loop.pml tests/models/monitor.pml tests/models/reply.pml tests/models/tso.pml
EXTRA_DIST += doc/ring.md tests/models/models.sh $(LINK_MODELS)
TESTS += tests/models/models.sh

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
