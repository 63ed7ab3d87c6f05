# Interrupt controllers, timers.
UNIT_TESTS += tests/unit/test_dev_pic
tests_unit_test_dev_pic_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
# Devices with lines and a clock that stand still.
FAKE_IRQS = tests/unit/fake_irqs.c tests/unit/fake_irqs.h
UNIT_TESTS += tests/unit/test_dev_pit
tests_unit_test_dev_pit_SOURCES = tests/unit/test_dev_pit.c $(FAKE_IRQS)
tests_unit_test_dev_pit_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_dev_timer
tests_unit_test_dev_timer_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_dev_ioapic
tests_unit_test_dev_ioapic_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_dev_lapic
tests_unit_test_dev_lapic_SOURCES = tests/unit/test_dev_lapic.c $(FAKE_IRQS)
tests_unit_test_dev_lapic_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
