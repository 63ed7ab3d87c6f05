/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real poold process and a trapd that is not one: attach, requests, events, refusals, deaths. Each test has its own
 * poold and its own directory.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/barrier.h"
#include "common/control_client.h"
#include "common/frame.h"
#include "common/pool_stats.h"
#include "tests/integration/fake_trapd.h"
#include "tests/integration/harness/harness.h"

sp_suite(poold_attach);

#define LEAF(t_gva)	(FAKE_RAM_MADDR + FAKE_DATA + ((t_gva) - FAKE_GVA))

static uint8_t state_of(const struct fake_trapd *t, uint64_t gpa)
{
	return load_acquire((uint8_t *)t->page_state.base + (gpa >> PAGE_SHIFT));
}

/* poold and an attached VM with a root. */
static void begin(struct fake_poold *p, struct fake_trapd *t, struct link_rep *root)
{
	fake_poold_init(p);
	fake_poold_start(p, NULL, NULL, NULL);
	fake_trapd_init(t);
	fake_tables(t);
	CHECK(!fake_trapd_attach(t, p), "refused: %s", t->welcome.error);
	CHECK(fake_set_root(t, root) == POOL_OK, "SET_ROOT: status %u", root->rp_status);
	CHECK(root->rp_root[0] && root->rp_root[1], "no roots");
}

static void end(struct fake_poold *p, struct fake_trapd *t)
{
	int status;

	fake_trapd_destroy(t);
	status = fake_poold_end(p, SIGTERM);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "SIGTERM: wait status 0x%x", status);
	fake_poold_remove(p);
}

sp_test(poold_attach, maps_build_shadow_entries)
{
	struct fake_poold p;
	struct fake_trapd t;
	struct link_rep root, rep;
	uint64_t leaf;

	begin(&p, &t, &root);
	CHECK(!fake_shadow(&t, root.rp_root[0], FAKE_GVA), "mapped before MAP");
	CHECK(fake_map(&t, FAKE_GVA + 0x123, true, &rep) == POOL_OK, "status %u", rep.rp_status);
	leaf = fake_shadow(&t, root.rp_root[0], FAKE_GVA);
	CHECK((leaf & PTE_ADDR) == LEAF(FAKE_GVA) && (leaf & PTE_W) && (leaf & PTE_U), "leaf 0x%llx",
	      (unsigned long long)leaf);
	CHECK(rep.rp_entry == leaf, "the reply names another leaf");
	for (uint64_t gpa = FAKE_PML4; gpa <= FAKE_PT; gpa += PAGE_SIZE)
		CHECK(state_of(&t, gpa) & PAGE_STATE_MONITORED, "table 0x%llx is not monitored",
		      (unsigned long long)gpa);
	CHECK(!(state_of(&t, FAKE_DATA) & PAGE_STATE_MONITORED), "data page monitored");
	end(&p, &t);
}

sp_test(poold_attach, events_take_shadow_entries_away)
{
	struct fake_poold p;
	struct fake_trapd t;
	struct link_rep root, rep;

	begin(&p, &t, &root);
	CHECK(fake_map(&t, FAKE_GVA, true, &rep) == POOL_OK, "status %u", rep.rp_status);
	fake_write_event(&t, FAKE_PT, 0);
	CHECK(fake_simple(&t, LINK_OP_NOP, 0, &rep) == POOL_OK, "NOP");
	CHECK(!fake_shadow(&t, root.rp_root[0], FAKE_GVA), "NOP was answered before the event was consumed");
	CHECK(rep.rp_ntouch > 0, "the changed table is not in the reply");

	/* Another page in its place: INVLPG waits for the event as well. */
	fake_write_event(&t, FAKE_PT, (FAKE_DATA + 0x7000) | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D);
	CHECK(fake_simple(&t, LINK_OP_INVLPG, FAKE_GVA, &rep) == POOL_OK, "INVLPG");
	CHECK(fake_map(&t, FAKE_GVA, true, &rep) == POOL_OK, "status %u", rep.rp_status);
	CHECK((fake_shadow(&t, root.rp_root[0], FAKE_GVA) & PTE_ADDR) == FAKE_RAM_MADDR + FAKE_DATA + 0x7000,
	      "old frame");
	end(&p, &t);
}

/* More events than slots, each waiting for room: none is lost, the last state wins. */
sp_test(poold_attach, a_flood_of_events_is_consumed)
{
	struct fake_poold p;
	struct fake_trapd t;
	struct link_rep root, rep;

	begin(&p, &t, &root);
	for (uint64_t i = 0; i < 2000; i++) {
		uint64_t slot = i % 512;

		fake_write_event(&t, FAKE_PT + 8 * slot,
				 (FAKE_DATA + slot * PAGE_SIZE) | PTE_P | PTE_U | PTE_A | (i & 1 ? PTE_W | PTE_D : 0));
	}
	for (uint64_t slot = 0; slot < 512; slot += 37) {
		uint64_t gva = FAKE_GVA + slot * PAGE_SIZE;

		CHECK(fake_map(&t, gva, false, &rep) == POOL_OK, "slot %llu: status %u", (unsigned long long)slot,
		      rep.rp_status);
		CHECK((fake_shadow(&t, root.rp_root[0], gva) & PTE_ADDR) == LEAF(gva), "slot %llu",
		      (unsigned long long)slot);
	}
	end(&p, &t);
}

/* The table maps itself: it may be read through a shadow entry, never written. */
sp_test(poold_attach, guest_tables_are_write_protected)
{
	struct fake_poold p;
	struct fake_trapd t;
	struct link_rep root, rep;
	uint64_t gva = FAKE_GVA + 5 * PAGE_SIZE, leaf;
	int rc;

	fake_poold_init(&p);
	fake_poold_start(&p, NULL, NULL, NULL);
	fake_trapd_init(&t);
	fake_tables(&t);
	*fake_ram(&t, FAKE_PT + 8 * 5) = FAKE_PT | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D;
	t.hello.audit = ATTACH_AUDIT_FULL;
	CHECK(!fake_trapd_attach(&t, &p), "refused: %s", t.welcome.error);
	CHECK(fake_set_root(&t, &root) == POOL_OK, "SET_ROOT");
	rc = fake_map(&t, gva, false, &rep);
	CHECK(rc == POOL_OK || rc == POOL_RETRY, "status %d", rc);
	rc = fake_map(&t, gva, true, &rep);
	CHECK(rc == POOL_RETRY, "a write to a monitored page was allowed: status %d", rc);
	leaf = fake_shadow(&t, root.rp_root[0], gva);
	CHECK(!(leaf & PTE_W), "writable leaf 0x%llx maps a guest table", (unsigned long long)leaf);
	end(&p, &t);
}

static Shadowpool__Reply *control(const struct fake_poold *p, Shadowpool__Request *request)
{
	struct control_client c;
	Shadowpool__Reply *reply = NULL;
	int64_t deadline = frame_deadline(FAKE_WAIT_MS);

	CHECK(!control_open(&c, p->control, "test", "0", deadline), "control socket");
	CHECK(!control_call(&c, request, deadline, &reply), "no reply");
	control_close(&c);
	return reply;
}

static uint64_t counter(const Shadowpool__Stats *s, const char *name)
{
	for (size_t i = 0; i < s->n_pool; i++)
		if (!strcmp(s->pool[i]->name, name))
			return s->pool[i]->value;
	CHECK(false, "no counter %s", name);
	return 0;
}

static void check_walk(const struct fake_poold *p, const struct fake_trapd *t)
{
	Shadowpool__WalkRequest walk;
	Shadowpool__Request request;
	Shadowpool__Reply *reply;

	shadowpool__walk_request__init(&walk);
	shadowpool__request__init(&request);
	walk.name = (char *)(uintptr_t)"fake";
	walk.gva = FAKE_GVA + 0x10;
	request.op_case = SHADOWPOOL__REQUEST__OP_WALK;
	request.walk = &walk;
	reply = control(p, &request);
	CHECK(reply->result_case == SHADOWPOOL__REPLY__RESULT_WALK, "walk is refused");
	CHECK(reply->walk->guest_ok && reply->walk->guest_gpa == FAKE_DATA + 0x10, "guest side");
	CHECK(reply->walk->shadow_ok && reply->walk->shadow_gpa == FAKE_DATA + 0x10 && reply->walk->shadow_writable,
	      "shadow side");
	CHECK(!strcmp(reply->walk->paging, "4-level") && reply->walk->n_entries == 4, "levels");
	CHECK(reply->walk->entries[3]->guest_entry == *fake_ram(t, FAKE_PT), "guest PTE");
	CHECK((reply->walk->entries[3]->shadow_entry & PTE_ADDR) == LEAF(FAKE_GVA), "shadow PTE");
	CHECK(reply->walk->entries[3]->shadow_kind[0], "no kind");
	shadowpool__reply__free_unpacked(reply, NULL);

	walk.vcpu = 1;
	reply = control(p, &request);
	CHECK(reply->result_case == SHADOWPOOL__REPLY__RESULT_ERROR, "vCPU 1 of 1");
	shadowpool__reply__free_unpacked(reply, NULL);
}

sp_test(poold_attach, control_verbs_show_the_vm)
{
	Shadowpool__NameRequest name;
	Shadowpool__Empty empty;
	Shadowpool__Request request;
	Shadowpool__Reply *reply;
	struct fake_poold p;
	struct fake_trapd t;
	struct link_rep root, rep;

	shadowpool__name_request__init(&name);
	shadowpool__empty__init(&empty);
	shadowpool__request__init(&request);
	begin(&p, &t, &root);
	CHECK(fake_map(&t, FAKE_GVA, true, &rep) == POOL_OK, "status %u", rep.rp_status);
	request.op_case = SHADOWPOOL__REQUEST__OP_LIST;
	request.list = &empty;
	reply = control(&p, &request);
	CHECK(reply->result_case == SHADOWPOOL__REPLY__RESULT_LIST && reply->list->n_vms == 1, "list");
	CHECK(!strcmp(reply->list->vms[0]->name, "fake") && reply->list->vms[0]->mem_bytes == FAKE_RAM_BYTES, "VM");
	CHECK(!strcmp(reply->list->vms[0]->pool_page_size, "4k"), "page size");
	shadowpool__reply__free_unpacked(reply, NULL);

	name.name = (char *)(uintptr_t)"fake";
	request.op_case = SHADOWPOOL__REQUEST__OP_STATS;
	request.stats = &name;
	reply = control(&p, &request);
	CHECK(reply->result_case == SHADOWPOOL__REPLY__RESULT_STATS, "stats");
	CHECK(counter(reply->stats, "map_requests") == 1 && counter(reply->stats, "pages_max") > 0, "counters");
	shadowpool__reply__free_unpacked(reply, NULL);
	check_walk(&p, &t);

	name.name = (char *)(uintptr_t)"other";
	reply = control(&p, &request);
	CHECK(reply->result_case == SHADOWPOOL__REPLY__RESULT_ERROR && reply->error->code == CONTROL_NO_OBJECT,
	      "unknown VM");
	shadowpool__reply__free_unpacked(reply, NULL);
	end(&p, &t);
}

/* The descriptor that poold holds is tried by force: reopened for writing, mapped, written, resized. */
static void attack_ram(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *at;

	CHECK(fd >= 0, "%s: %s", path, strerror(errno));
	at = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(at == MAP_FAILED && errno == EPERM, "guest RAM can be mapped writable");
	CHECK(write(fd, "x", 1) < 0 && errno == EPERM, "guest RAM can be written");
	CHECK(ftruncate(fd, PAGE_SIZE) < 0 && errno == EPERM, "guest RAM can be truncated");
	CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE_SIZE) < 0 && errno == EPERM,
	      "hole in guest RAM");
	close(fd);
}

static void check_mappings(pid_t pid)
{
	char path[64], line[512], perms[8], name[256];
	unsigned found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	CHECK(f, "%s", path);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %7s %*s %*s %*s %255s", perms, name) != 2)
			continue;
		CHECK(!(strchr(perms, 'w') && strchr(perms, 'x')), "writable and executable: %s", line);
		if (!strstr(name, "fake-"))
			continue;
		found++;
		CHECK(!strchr(perms, 'w'), "an object of trapd's is mapped writable: %s", line);
	}
	fclose(f);
	CHECK(found >= 3, "only %u objects of trapd's found", found);
}

sp_test(poold_attach, poold_cannot_write_guest_ram)
{
	char dir[64], path[384], target[256];
	struct fake_poold p;
	struct fake_trapd t;
	struct link_rep root;
	struct dirent *e;
	unsigned rams = 0;
	DIR *d;

	begin(&p, &t, &root);
	snprintf(dir, sizeof(dir), "/proc/%d/fd", (int)p.pid);
	d = opendir(dir);
	CHECK(d, "%s", dir);
	while ((e = readdir(d))) {
		ssize_t n;

		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = 0;
		CHECK(!strstr(target, "kvm"), "poold holds %s", target);
		CHECK(strncmp(target, "/dev/", 5) || !strcmp(target, "/dev/null"), "poold holds %s", target);
		if (strstr(target, "memfd:fake-ram")) {
			rams++;
			attack_ram(path);
		}
	}
	closedir(d);
	CHECK(rams == 1, "%u descriptors of guest RAM", rams);
	check_mappings(p.pid);
	end(&p, &t);
}

static void expect_refusal(const struct fake_poold *p, struct fake_trapd *t, const char *word)
{
	int rc = fake_trapd_attach(t, p);

	CHECK(rc == -ECONNREFUSED, "%s: accepted (%d)", word, rc);
	CHECK(strstr(t->welcome.error, word), "'%s' does not mention '%s'", t->welcome.error, word);
}

static void replace_ram(struct fake_trapd *t, uint64_t bytes, bool writable)
{
	memfd_close(&t->ram);
	CHECK(!memfd_create_sealed(&t->ram, "fake-ram", bytes, MEMFD_4K, false, writable), "no RAM");
}

sp_test(poold_attach, bad_hellos_are_refused_with_a_reason)
{
	struct fake_poold p;
	struct fake_trapd t;
	struct attach_hello good;

	fake_poold_init(&p);
	fake_poold_start(&p, NULL, NULL, NULL);
	fake_trapd_init(&t);
	good = t.hello;
	t.hello.protocol = 99;
	expect_refusal(&p, &t, "protocol");
	t.hello = good;
	t.hello.layout_hash++;
	expect_refusal(&p, &t, "layout");
	t.hello = good;
	t.hello.pool_bytes = 1ull << 50;
	expect_refusal(&p, &t, "max-vm-pool");
	t.hello = good;
	t.hello.vm_name[0] = 'X';
	expect_refusal(&p, &t, "VM name");
	t.hello = good;
	t.hello.nvcpu = 2;
	expect_refusal(&p, &t, "link-t");
	t.hello = good;
	t.hello.poison = 1;
	expect_refusal(&p, &t, "allow-inject");
	t.hello = good;
	replace_ram(&t, FAKE_RAM_BYTES / 2, false);
	expect_refusal(&p, &t, "guest RAM: size");
	replace_ram(&t, FAKE_RAM_BYTES, true);
	expect_refusal(&p, &t, "guest RAM: seals");
	replace_ram(&t, FAKE_RAM_BYTES, false);
	CHECK(!fake_trapd_attach(&t, &p), "a good hello after the bad ones: %s", t.welcome.error);
	end(&p, &t);
}

/* Not a hello at all, and a peer that goes without a word, while another VM is served. */
sp_test(poold_attach, garbage_does_not_disturb_others)
{
	struct attach_welcome w;
	struct fake_poold p;
	struct fake_trapd t;
	struct link_rep root, rep;
	int fds[WELCOME_NFDS], s;

	begin(&p, &t, &root);
	s = fake_connect(p.attach);
	CHECK(send(s, "not protobuf \xff\xff\xff", 16, 0) == 16, "send");
	CHECK(!attach_recv_welcome(s, &w, fds, FAKE_WAIT_MS) && strstr(w.error, "not a hello"), "answer '%s'", w.error);
	close(s);
	close(fake_connect(p.attach));
	s = fake_connect(p.attach);	/* silent until the end: must not keep poold from ending */
	CHECK(fake_map(&t, FAKE_GVA, true, &rep) == POOL_OK, "the VM is disturbed");
	end(&p, &t);
	close(s);
}

sp_test(poold_attach, too_few_hugepages_are_explained)
{
	struct fake_poold p;
	struct fake_trapd t;
	uint64_t nr_free = 0, total;

	memfd_hugepages(&nr_free, &total);
	fake_poold_init(&p);
	fake_poold_start(&p, NULL, NULL, NULL);
	fake_trapd_init(&t);
	t.hello.pool_bytes = (nr_free + 8) * (2ull << 20);
	t.hello.pool_pages = ATTACH_PAGES_2M;
	expect_refusal(&p, &t, "sysctl vm.nr_hugepages=");
	CHECK(strstr(t.welcome.error, "needs") && strstr(t.welcome.error, "free"), "%s", t.welcome.error);
	t.hello.pool_bytes = 8 * (2ull << 20);
	t.hello.pool_pages = ATTACH_PAGES_AUTO;
	CHECK(!fake_trapd_attach(&t, &p), "auto: %s", t.welcome.error);
	CHECK(t.welcome.pool_pages == (nr_free < 8 ? ATTACH_PAGES_4K : ATTACH_PAGES_2M), "pages %u",
	      t.welcome.pool_pages);
	CHECK(nr_free >= 8 || fake_poold_logged(&p, "using pages of 4 KiB"), "no line in the log");
	end(&p, &t);
}

sp_test(poold_attach, a_killed_poold_is_replaced)
{
	struct fake_poold p;
	struct fake_trapd t;
	struct link_rep root, rep;

	begin(&p, &t, &root);
	CHECK(fake_map(&t, FAKE_GVA, true, &rep) == POOL_OK, "MAP");
	for (unsigned i = 0; i < 3; i++) {
		uint64_t epoch = t.welcome.epoch;

		fake_poold_end(&p, SIGKILL);
		CHECK(fake_trapd_hung_up(&t), "no hang-up");
		fake_trapd_detach(&t);
		fake_poold_start(&p, NULL, NULL, NULL);
		t.hello.last_epoch = epoch;
		CHECK(!fake_trapd_attach(&t, &p), "refused: %s", t.welcome.error);
		CHECK(t.welcome.epoch > epoch, "epoch %llu after %llu", (unsigned long long)t.welcome.epoch,
		      (unsigned long long)epoch);
		CHECK(fake_set_root(&t, &root) == POOL_OK && root.rp_root[0], "SET_ROOT");
		CHECK(!fake_shadow(&t, root.rp_root[0], FAKE_GVA), "the new pool is not empty");
		CHECK(fake_map(&t, FAKE_GVA, true, &rep) == POOL_OK, "MAP");
		CHECK((fake_shadow(&t, root.rp_root[0], FAKE_GVA) & PTE_ADDR) == LEAF(FAKE_GVA), "leaf");
	}
	end(&p, &t);
}

static unsigned count_fds(pid_t pid)
{
	char dir[64];
	unsigned n = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "/proc/%d/fd", (int)pid);
	d = opendir(dir);
	CHECK(d, "%s", dir);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* The same name may come back at once, and nothing is left of the links that went. */
sp_test(poold_attach, detach_and_attach_leaves_nothing_behind)
{
	struct fake_poold p;
	struct fake_trapd t;
	struct link_rep root;
	unsigned before;

	begin(&p, &t, &root);
	before = count_fds(p.pid);
	for (unsigned i = 0; i < 30; i++) {
		fake_trapd_detach(&t);
		t.hello.last_epoch = t.welcome.epoch;
		CHECK(!fake_trapd_attach(&t, &p), "attach %u: %s", i, t.welcome.error);
		CHECK(fake_set_root(&t, &root) == POOL_OK, "SET_ROOT");
	}
	/* The last link but one has said good-bye before its name was free again, but closes its socket after that. */
	CHECK(sp_await(10, count_fds(p.pid) == before), "%u descriptors instead of %u", count_fds(p.pid), before);
	end(&p, &t);
}

sp_test(poold_attach, a_name_belongs_to_one_vm)
{
	struct fake_poold p;
	struct fake_trapd t, second;
	struct link_rep root, rep;

	begin(&p, &t, &root);
	fake_trapd_init(&second);
	expect_refusal(&p, &second, "attached already");
	snprintf(second.hello.vm_name, sizeof(second.hello.vm_name), "second");
	CHECK(!fake_trapd_attach(&second, &p), "refused: %s", second.welcome.error);
	CHECK(fake_map(&t, FAKE_GVA, true, &rep) == POOL_OK, "the first VM is disturbed");
	fake_trapd_destroy(&second);
	end(&p, &t);
}

/* What no honest trapd does: poold hangs up, says why, and serves the next one. */
sp_test(poold_attach, broken_peers_are_detached)
{
	static const struct link_req bad[] = {
		{ .rq_op = LINK_OP_MAP, .rq_gpa = FAKE_RAM_BYTES, .rq_nwalk = 4 },
		{ .rq_op = LINK_OP_MAP, .rq_gva = 1ull << 63, .rq_nwalk = 4 },
		{ .rq_op = LINK_OP_COUNT },
		{ .rq_op = LINK_OP_OPEN, .rq_gpa = UINT64_MAX },
		{ .rq_op = LINK_OP_NOP, .rq_flags = 0x8000 },
		{ .rq_op = LINK_OP_NOP, .rq_flushed = 0x7fffffff },
	};
	struct fake_poold p;
	struct fake_trapd t;
	struct link_rep root, rep;

	begin(&p, &t, &root);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct link_t_vcpu *mine = (struct link_t_vcpu *)((char *)t.link_t.base + LINK_T_VCPU(0));
		struct link_req req = bad[i];
		const uint64_t one = 1;

		/* Past the client's own checks, straight into the mailbox. */
		req.rq_seq = mine->lt_req.rq_seq + 1;
		req.rq_tail = mine->lt_tail;
		memcpy((char *)&mine->lt_req + 4, (char *)&req + 4, sizeof(req) - 4);
		store_release(&mine->lt_req.rq_seq, req.rq_seq);	/* R1 */
		CHECK(write(t.eventfd, &one, sizeof(one)) == sizeof(one), "eventfd");
		CHECK(fake_trapd_hung_up(&t), "request %u was served", i);
		fake_trapd_detach(&t);
		CHECK(!fake_trapd_attach(&t, &p), "refused: %s", t.welcome.error);
		CHECK(fake_set_root(&t, &root) == POOL_OK, "SET_ROOT");
	}
	fake_write_event(&t, FAKE_RAM_BYTES - 8, 0);
	CHECK(fake_simple(&t, LINK_OP_NOP, 0, &rep) == POOL_OK, "an event for the last word of RAM");
	CHECK(fake_poold_logged(&p, "broken peer: gpa outside RAM"), "no reason in the log");
	end(&p, &t);
}

sp_test(poold_attach, events_outside_ram_detach)
{
	struct link_event ev = { .ev_type = LINK_EV_WRITE, .ev_size = 8, .ev_gpa = FAKE_RAM_BYTES, .ev_count = 1 };
	struct fake_poold p;
	struct fake_trapd t;
	struct link_rep root;
	const uint64_t one = 1;

	begin(&p, &t, &root);
	CHECK(!link_client_post(&t.link, &ev), "post");
	link_client_publish(&t.link);
	CHECK(write(t.eventfd, &one, sizeof(one)) == sizeof(one), "eventfd");
	CHECK(fake_trapd_hung_up(&t), "consumed");
	CHECK(fake_poold_logged(&p, "event outside RAM"), "no reason in the log");
	end(&p, &t);
}

/* The hook breaks the first leaf; the audit must see it, tell trapd, count and log it. */
sp_test(poold_attach, the_audit_reports_a_broken_entry)
{
	struct fake_poold p;
	struct fake_trapd t;
	struct link_rep root, rep;

	fake_poold_init(&p);
	fake_poold_start(&p, "--allow-inject", NULL, NULL);
	fake_trapd_init(&t);
	fake_tables(&t);
	t.hello.audit = ATTACH_AUDIT_FULL;
	t.hello.poison = 1;
	CHECK(!fake_trapd_attach(&t, &p), "refused: %s", t.welcome.error);
	CHECK(fake_set_root(&t, &root) == POOL_OK, "an audit of sound tables");
	CHECK(fake_map(&t, FAKE_GVA, true, &rep) == POOL_E_CORRUPT, "status %u", rep.rp_status);
	CHECK(rep.rp_entry > 0, "number of violations");
	CHECK(fake_poold_logged(&p, "audit: rule A"), "no line in the log");
	CHECK(fake_trapd_hung_up(&t), "the link goes on");
	CHECK(((uint64_t *)t.stats_p.base)[POOL_STAT_audit_violations] > 0, "audit_violations");
	end(&p, &t);
}

sp_test(poold_attach, audits_on_demand_find_sound_tables)
{
	struct fake_poold p;
	struct fake_trapd t;
	struct link_rep root, rep;

	begin(&p, &t, &root);
	for (uint64_t i = 0; i < 512; i += 3)
		CHECK(fake_map(&t, FAKE_GVA + i * PAGE_SIZE, true, &rep) == POOL_OK, "MAP %llu", (unsigned long long)i);
	CHECK(fake_simple(&t, LINK_OP_AUDIT, 0, &rep) == POOL_OK && !rep.rp_entry, "cheap audit");
	CHECK(fake_simple(&t, LINK_OP_AUDIT, 1, &rep) == POOL_OK && !rep.rp_entry, "full audit");
	CHECK(((uint64_t *)t.stats_p.base)[POOL_STAT_audit_runs] >= 2, "audit_runs");
	end(&p, &t);
}

sp_test(poold_attach, the_watchdog_is_fed)
{
	struct fake_poold p;

	fake_poold_init(&p);
	setenv("WATCHDOG_USEC", "40000", 1);
	fake_poold_start(&p, NULL, NULL, NULL);
	unsetenv("WATCHDOG_USEC");
	for (unsigned i = 0; i < 3; i++)
		CHECK(fake_poold_notified(&p, "WATCHDOG=1"), "message %u", i);
	kill(p.pid, SIGTERM);
	CHECK(fake_poold_notified(&p, "STOPPING=1"), "no last message");
	CHECK(fake_poold_end(&p, 0) == 0, "wait status");
	fake_poold_remove(&p);
}

sp_test(poold_attach, the_number_of_vms_is_limited)
{
	struct fake_poold p;
	struct fake_trapd t, second;

	fake_poold_init(&p);
	fake_poold_start(&p, "-o", "max-vms=1", NULL);
	fake_trapd_init(&t);
	fake_trapd_init(&second);
	CHECK(!fake_trapd_attach(&t, &p), "refused: %s", t.welcome.error);
	snprintf(second.hello.vm_name, sizeof(second.hello.vm_name), "second");
	expect_refusal(&p, &second, "max-vms");
	fake_trapd_destroy(&second);
	end(&p, &t);
}

/* The sockets of a live poold are not taken over; those of a dead one are (a_killed_poold_is_replaced). */
sp_test(poold_attach, a_second_poold_leaves_the_first_alone)
{
	struct fake_poold p;
	struct fake_trapd t;
	struct link_rep root, rep;

	begin(&p, &t, &root);
	CHECK(sp_call("poold", "--runtime-dir", p.dir)->code == 1, "a second one starts");
	CHECK(fake_map(&t, FAKE_GVA, true, &rep) == POOL_OK, "the first is disturbed");
	end(&p, &t);
}

/* Control clients look at VMs that come, work and go. What could go wrong shows under the sanitizers. */
sp_test(poold_attach, control_verbs_while_vms_come_and_go)
{
	Shadowpool__NameRequest name;
	Shadowpool__WalkRequest walk;
	Shadowpool__Request request;
	struct fake_poold p;
	struct fake_trapd t;
	struct link_rep root, rep;
	pid_t client;
	int status;

	begin(&p, &t, &root);
	client = fork();
	if (!client) {
		shadowpool__name_request__init(&name);
		shadowpool__walk_request__init(&walk);
		shadowpool__request__init(&request);
		name.name = walk.name = (char *)(uintptr_t)"fake";
		walk.gva = FAKE_GVA;
		for (unsigned i = 0; i < 150; i++) {
			request.op_case = i & 1 ? SHADOWPOOL__REQUEST__OP_WALK : SHADOWPOOL__REQUEST__OP_STATS;
			request.walk = &walk;
			if (!(i & 1))
				request.stats = &name;
			shadowpool__reply__free_unpacked(control(&p, &request), NULL);
		}
		_exit(0);
	}
	while (!waitpid(client, &status, WNOHANG)) {
		fake_trapd_detach(&t);
		CHECK(!fake_trapd_attach(&t, &p), "refused: %s", t.welcome.error);
		CHECK(fake_set_root(&t, &root) == POOL_OK, "SET_ROOT");
		for (uint64_t i = 0; i < 100; i++) {
			fake_write_event(&t, FAKE_PT + 8 * (i % 8), *fake_ram(&t, FAKE_PT + 8 * (i % 8)) ^ PTE_W);
			CHECK(fake_map(&t, FAKE_GVA + i % 8 * PAGE_SIZE, false, &rep) >= 0, "MAP");
		}
	}
	CHECK(WIFEXITED(status) && !WEXITSTATUS(status), "client: wait status 0x%x", status);
	end(&p, &t);
}
