/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What vCPUs do together (world.c) and to each other (startup.c), without KVM and poold: the threads are the test's. Unit tests. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/barrier.h"
#include "tests/wait.h"
#include "trapd/link/world.h"
#include "trapd/trap/vcpu_priv.h"
#include "trapd/vcpu/startup.h"

static struct vcpu_priv priv[2];
static struct vcpu cpu[2];
static struct machine machine;
static struct world world;

static void setup(void)
{
	machine.vcpu = cpu;
	machine.nvcpu = 2;
	world_init(&world);
	for (unsigned i = 0; i < 2; i++) {
		cpu[i].world = &world;
		cpu[i].machine = &machine;
		cpu[i].index = i;
		cpu[i].priv = &priv[i];
		pthread_mutex_init(&cpu[i].sleep_lock, NULL);
		pthread_cond_init(&cpu[i].sleep_cond, NULL);
	}
}

TestSuite(world, .init = setup);

static int tid;		/* atomic: of the thread that resumes */
static bool resumed;	/* atomic */

static void *resume(void *arg)
{
	store_release(&tid, (int)syscall(SYS_gettid));
	world_resume(arg);
	store_release(&resumed, true);
	return NULL;
}

static bool has_resumed(void)
{
	return load_acquire(&resumed);
}

/* A vCPU that wakes from HLT would deliver its interrupt, and write guest memory, while the pool is audited. */
Test(world, a_vcpu_that_rests_stays_at_rest_while_the_world_stands)
{
	pthread_t thread;
	int id;

	world_rest(&cpu[1]);
	world_stand(&cpu[0]);
	cr_assert_eq(pthread_create(&thread, NULL, resume, &cpu[1]), 0);
	while (!(id = load_acquire(&tid)))
		sched_yield();
	/* The test holds no lock that the thread could sleep for. */
	while (!has_resumed() && !test_task_sleeps(id))
		sched_yield();
	cr_expect_not(has_resumed());
	world_release(&cpu[0]);
	pthread_join(thread, NULL);
	cr_expect_not(cpu[1].at_rest);
}

/* Else the table would stay open, written by others without a word to poold, until the vCPU is started again. */
Test(world, init_waits_until_a_step_has_closed_its_tables)
{
	priv[1].step.active = true;
	startup_init(&machine, 1);
	cr_expect_eq(startup_take(&cpu[1]), 0);
	cr_expect_not(cpu[1].waits_for_startup);
	priv[1].step.active = false;
	cr_expect_eq(startup_take(&cpu[1]), 0);
	cr_expect(cpu[1].waits_for_startup);
	startup_begin(&machine, 1, 0x12);
	cr_expect_eq(startup_take(&cpu[1]), 0);
	cr_expect_not(cpu[1].waits_for_startup);
	cr_expect_eq(cpu[1].cpu.seg[SREG_CS].selector, 0x1200);
	cr_expect_eq(cpu[1].cpu.seg[SREG_CS].base, 0x12000);
}
