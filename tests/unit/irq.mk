# Interrupt controllers, timers.
UNIT_TESTS += tests/unit/test_dev_pic
tests_unit_test_dev_pic_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_dev_timer
tests_unit_test_dev_timer_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
