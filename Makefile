# SPDX-License-Identifier: GPL-2.0-or-later
#
# The front door.  Everything is done by scripts/ and meson.build; see
# "make help".

PYTHON := /usr/bin/python3
# Passed on by the environment, since make takes a blank in a path for its end
quoted = '$(subst ','\'',$(1))'
export MALI_CSF_SCRIPTS := $(shell cd "$$(dirname $(call quoted,$(strip $(MAKEFILE_LIST))))" && \
                                   pwd)/scripts
SCRIPTS := "$$MALI_CSF_SCRIPTS"

# What the scripts read from their environment, and a variable of the command line that is none
# of these would do nothing, in silence
VARIABLES := $(shell sed -n "/^TABLE/,/^BETWEEN/s/^    Variable.'\([A-Z_]*\)'.*/\1/p" \
                     $(call quoted,$(MALI_CSF_SCRIPTS)/malicsf/settings.py))
export $(filter-out CC,$(VARIABLES))

UNKNOWN := $(filter-out $(VARIABLES) PYTHON,$(foreach name,$(.VARIABLES),\
             $(if $(filter command,$(firstword $(origin $(name)))),$(name))))
ifneq ($(UNKNOWN),)
$(error $(shell $(PYTHON) $(call quoted,$(MALI_CSF_SCRIPTS)/settings.py) unknown '$(firstword $(UNKNOWN))'))
endif

ifneq ($(filter command line environment,$(origin CC)),)
export CC
else
unexport CC
endif

ifeq ($(wildcard $(PYTHON)),)
ifneq ($(filter-out help,$(or $(MAKECMDGOALS),help)),)
$(error $(PYTHON) is missing; as root: apt-get install -y python3)
endif
endif

.PHONY: help boot explore shell vng qtest report docs bisect igt igt-build check check-unit check-qtest check-fuzz check-guest \
        check-selftest check-tsan fuzz check-fuzz-selftest fuzz-seeds check-migration check-load \
        check-replay check-explore check-compilers check-patch check-patch-selftest check-docs check-stock \
        check-mutants check-fixes check-lane check-expansions check-models check-kernels check-matrix \
        check-matrix-merge check-mesa check-mesa-matrix check-piglit \
        check-gcov check-reach bench disas qemu qemu-10.2 update version clean distclean

help:
	@echo 'make boot             boot a kernel on the model and run the quick guest programs'
	@echo 'make explore          guest programs with one seed after the other: each another interleaving'
	@echo 'make shell            a shell in the guest'
	@echo 'make vng              a kernel on the model under virtme-ng: COMMAND=...'
	@echo 'make report           one HTML page of a run, small enough for a mail: RUN=dir'
	@echo 'make igt              the panthor tests of IGT, built for arm64: IGT=dir'
	@echo 'make igt-build        build them: IGT_SRC=dir'
	@echo 'make check            every test: unit, qtest, fuzz, guest on several kernels'
	@echo 'make check-unit       the unit tests'
	@echo 'make check-qtest      the tests of the device alone, without a guest'
	@echo 'make qtest            some of them: T=mmu/walk; without T their paths'
	@echo 'make check-fuzz       random inputs for the device, a minute of them'
	@echo 'make check-guest      the guest programs, on every kernel and mode'
	@echo 'make check-selftest   break the model on purpose: the qtests must notice'
	@echo 'make check-tsan       the qtests with threads under ThreadSanitizer, a quarter of an hour'
	@echo 'make fuzz             fuzz the device with libFuzzer and sanitizers for ten minutes'
	@echo 'make check-fuzz-selftest    break the model on purpose: libFuzzer must find it; BREAK=name'
	@echo 'make fuzz-seeds       record a guest run: the inputs of tests/fuzz/seeds'
	@echo 'make check-migration  save and load the machine at 100 instants of a guest run'
	@echo 'make check-load       load 1,000 changed states of the device'
	@echo 'make check-explore    a seed is the same run each time, and finds a race: a minute'
	@echo 'make check-replay     record a guest run, replay it twice: the device does the same'
	@echo 'make check-compilers  our files with each compiler there is, with -Werror'
	@echo 'make check-patch      a patch for panthor against stock: PATCH=file.patch'
	@echo 'make check-patch-selftest   the patches of tests/kernel: one passes, one must not'
	@echo 'make bisect           the commit of panthor that broke TESTS: GIT=dir GOOD=commit BAD=commit'
	@echo 'make check-docs       run the commands of README.md and docs/ as they are printed'
	@echo 'make check-stock      every stock kernel of the archive: the checker must find nothing'
	@echo 'make check-mutants    break panthor on purpose: the checker or a test must notice'
	@echo 'make check-fixes      take past fixes out of panthor: FIX=name,... each must be noticed'
	@echo 'make check-lane       what make check-patch says of each of them, and by which program: FIX=name,...'
	@echo 'make check-expansions right and wrong ways to write a patch: VARIANT=name,... each verdict must fit'
	@echo 'make check-models     every model on one kernel'
	@echo 'make check-kernels    each kernel on one model, each model on one kernel, and make vng'
	@echo 'make check-matrix     every model on every kernel: build/matrix/index.html'
	@echo 'make check-mesa       real Mesa computes: programs of two userlands, half an hour'
	@echo 'make check-mesa-matrix      the same on each model that Mesa knows, on two kernels'
	@echo 'make check-piglit     OpenCL programs of piglit, GPU beside llvmpipe: hours; SHARD=1/16: a part'
	@echo 'make check-matrix-merge FROM="dir ..."   put build/matrix of other machines into ours'
	@echo 'make check-gcov       which lines of the model the qtests and a guest reach'
	@echo 'make check-reach      which functions and messages of panthor the guest programs reach'
	@echo 'make docs             the documents as a site: build/docs/html; needs python3-sphinx'
	@echo 'make bench            measure the model; prints a table, never fails on a number'
	@echo 'make disas            build/mali-csf-disas, mali-shader-disas: disassemblers of streams, shaders'
	@echo 'make qemu             build QEMU with the model in it'
	@echo 'make qemu-10.2        the same against the 10.2 series'
	@echo 'make update           fetch newer packages of what was fetched before'
	@echo 'make version          the versions of the model, and of the packages that it uses'
	@echo 'make clean            remove what was built; keep what was fetched'
	@echo 'make distclean        remove build/'
	@echo ''
	@$(if $(wildcard $(PYTHON)),$(PYTHON) $(SCRIPTS)/settings.py help,echo 'The variables: with $(PYTHON)')
	@echo ''
	@echo 'Exit codes: 0 pass, 1 fail, 2 usage, 125 cannot test.  make turns each error into 2,'
	@echo 'so for git bisect run: scripts/run-guest.py KERNEL=path MODULES=dir TESTS=expand'

boot:
	@$(PYTHON) $(SCRIPTS)/run-guest.py

igt-build:
	@$(PYTHON) $(SCRIPTS)/build-igt.py

igt:
	@TESTS="$${TESTS:-igt}" $(PYTHON) $(SCRIPTS)/run-guest.py

explore:
	@$(PYTHON) $(SCRIPTS)/explore.py

shell:
	@$(PYTHON) $(SCRIPTS)/run-guest.py --shell

vng:
	@$(PYTHON) $(SCRIPTS)/vng.py

check:
	@$(PYTHON) $(SCRIPTS)/check.py unit qtest fuzz guest

check-unit check-qtest check-fuzz check-guest:
	@$(PYTHON) $(SCRIPTS)/check.py $(subst check-,,$@)

qtest:
	@$(PYTHON) $(SCRIPTS)/qtest.py

report:
	@$(PYTHON) $(SCRIPTS)/report.py

docs:
	@$(PYTHON) $(SCRIPTS)/build-docs.py

check-selftest:
	@$(PYTHON) $(SCRIPTS)/check-selftest.py

fuzz:
	@$(PYTHON) $(SCRIPTS)/fuzz.py

check-fuzz-selftest:
	@$(PYTHON) $(SCRIPTS)/check-fuzz-selftest.py

fuzz-seeds:
	@$(PYTHON) $(SCRIPTS)/record-seeds.py

check-migration:
	@$(PYTHON) $(SCRIPTS)/check-migration.py

check-tsan:
	@$(PYTHON) $(SCRIPTS)/check-tsan.py

check-load:
	@$(PYTHON) $(SCRIPTS)/check-load.py

check-explore:
	@$(PYTHON) $(SCRIPTS)/check-explore.py

check-replay:
	@$(PYTHON) $(SCRIPTS)/check-replay.py

check-compilers:
	@$(PYTHON) $(SCRIPTS)/check-compilers.py

check-patch:
	@$(PYTHON) $(SCRIPTS)/check-patch.py

check-patch-selftest:
	@$(PYTHON) $(SCRIPTS)/check-patch.py --selftest

bisect:
	@$(PYTHON) $(SCRIPTS)/bisect-driver.py

check-docs:
	@$(PYTHON) $(SCRIPTS)/check-docs.py

check-stock:
	@$(PYTHON) $(SCRIPTS)/check-stock.py

check-mutants:
	@$(PYTHON) $(SCRIPTS)/check-mutants.py

check-fixes:
	@$(PYTHON) $(SCRIPTS)/check-fixes.py

check-lane:
	@$(PYTHON) $(SCRIPTS)/check-lane.py

check-expansions:
	@$(PYTHON) $(SCRIPTS)/check-expansions.py

check-models:
	@KERNELS="$${KERNEL:-7.3}" KERNEL= $(PYTHON) $(SCRIPTS)/check-matrix.py

check-kernels:
	@$(PYTHON) $(SCRIPTS)/check-matrix.py --sensible
	@TESTS= SHARD= LOG_MB= EXPECTATIONS= $(PYTHON) $(SCRIPTS)/vng.py

check-matrix:
	@$(PYTHON) $(SCRIPTS)/check-matrix.py

check-mesa:
	@$(PYTHON) $(SCRIPTS)/check.py mesa

check-mesa-matrix:
	@USERLAND="$${USERLAND:-mesa-new}" TESTS="$${TESTS:-mesa}" KERNELS="$${KERNELS:-7.3,6.12}" \
	 MODELS="$${MODELS:-g310,g610,g720,g725}" $(PYTHON) $(SCRIPTS)/check-matrix.py

check-piglit:
	@$(PYTHON) $(SCRIPTS)/check-piglit.py

check-matrix-merge:
	@$(PYTHON) $(SCRIPTS)/check-matrix.py --merge $(if $(FROM),$$FROM,$(error FROM= names no folder))

check-gcov:
	@$(PYTHON) $(SCRIPTS)/check-gcov.py

check-reach:
	@$(PYTHON) $(SCRIPTS)/check-reach.py

bench:
	@$(PYTHON) $(SCRIPTS)/bench.py

disas:
	@$(PYTHON) $(SCRIPTS)/build-guest.py

qemu:
	@$(PYTHON) $(SCRIPTS)/build-qemu.py --tests

qemu-10.2:
	@QEMU_SERIES=10.2 $(PYTHON) $(SCRIPTS)/build-qemu.py --tests

update:
	@UPDATE=1 $(PYTHON) $(SCRIPTS)/run-guest.py --prepare

version:
	@$(PYTHON) $(SCRIPTS)/version.py

clean:
	@test ! -d build || find build -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} +

distclean:
	rm -rf build
