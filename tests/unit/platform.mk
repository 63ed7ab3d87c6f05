# Walker, log, configuration, devices and loader.
UNIT_TESTS += tests/unit/test_walk
tests_unit_test_walk_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_walk_random
tests_unit_test_walk_random_SOURCES = tests/unit/test_walk_random.c tests/unit/ref_walk.c tests/unit/ref_walk.h
tests_unit_test_walk_random_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_conf
tests_unit_test_conf_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_log
tests_unit_test_log_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_bus
tests_unit_test_bus_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_uart
tests_unit_test_uart_SOURCES = tests/unit/test_uart.c $(FAKE_IRQS)
tests_unit_test_uart_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_loader
tests_unit_test_loader_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_loader_linux
tests_unit_test_loader_linux_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_dev_acpi
tests_unit_test_dev_acpi_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_dev_acpi_pm
tests_unit_test_dev_acpi_pm_SOURCES = tests/unit/test_dev_acpi_pm.c tests/unit/fake_platform.c tests/unit/fake_platform.h
tests_unit_test_dev_acpi_pm_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_dev_cmos
tests_unit_test_dev_cmos_SOURCES = tests/unit/test_dev_cmos.c tests/unit/fake_platform.c tests/unit/fake_platform.h
tests_unit_test_dev_cmos_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_dev_i8042
tests_unit_test_dev_i8042_SOURCES = tests/unit/test_dev_i8042.c tests/unit/fake_platform.c tests/unit/fake_platform.h
tests_unit_test_dev_i8042_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_dev_ide
tests_unit_test_dev_ide_SOURCES = tests/unit/test_dev_ide.c tests/unit/fake_platform.c tests/unit/fake_platform.h
tests_unit_test_dev_ide_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_dev_vga
tests_unit_test_dev_vga_SOURCES = tests/unit/test_dev_vga.c tests/unit/fake_platform.c tests/unit/fake_platform.h
tests_unit_test_dev_vga_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_dev_mptable
tests_unit_test_dev_mptable_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
