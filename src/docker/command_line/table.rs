//! The options of docker's commands: which take a value and which do not.
//!
//! From docker/cli 20.10 to 29, buildx 0.29 and compose 2.40, hidden and obsolete ones too. Where
//! one name serves two builders, both agree on whether it takes a value. A new option goes here and
//! nowhere else.

use super::options::Flags;

pub(super) const GLOBAL: Flags = Flags {
    command: "docker",
    known: &[
        "--config= -c,--context= -D,--debug -H,--host= -l,--log-level= --tls --tlscacert=",
        "--tlscert= --tlskey= --tlsverify -v,--version -h,--help",
    ],
};

/// Between the name of a group of commands and the command.
pub(super) const GROUP: Flags = Flags { command: "docker", known: &["-h,--help"] };

pub(super) const PULL: Flags = Flags {
    command: "docker pull",
    known: &["-a,--all-tags --disable-content-trust --platform= -q,--quiet -h,--help"],
};

pub(super) const PUSH: Flags = Flags { command: "docker push", known: PULL.known };

pub(super) const RUN: Flags = Flags { command: "docker run", known: CONTAINER };
pub(super) const CREATE: Flags = Flags { command: "docker create", known: CONTAINER };

/// `run` also knows those of how to wait for the container; `create` refuses them by itself.
const CONTAINER: &[&str] = &[
    "--add-host= --annotation= -a,--attach= --blkio-weight= --blkio-weight-device= --cap-add=",
    "--cap-drop= --cgroup-parent= --cgroupns= --cidfile= --cpu-count= --cpu-percent=",
    "--cpu-period= --cpu-quota= --cpu-rt-period= --cpu-rt-runtime= -c,--cpu-shares= --cpus=",
    "--cpuset-cpus= --cpuset-mems= -d,--detach --detach-keys= --device= --device-cgroup-rule=",
    "--device-read-bps= --device-read-iops= --device-write-bps= --device-write-iops=",
    "--disable-content-trust --dns= --dns-opt= --dns-option= --dns-search= --domainname=",
    "--entrypoint= -e,--env= --env-file= --expose= --gpus= --group-add= --health-cmd=",
    "--health-interval= --health-retries= --health-start-interval= --health-start-period=",
    "--health-timeout= --help -h,--hostname= --init -i,--interactive --io-maxbandwidth=",
    "--io-maxiops= --ip= --ip6= --ipc= --isolation= --kernel-memory= -l,--label= --label-file=",
    "--link= --link-local-ip= --log-driver= --log-opt= --mac-address= -m,--memory=",
    "--memory-reservation= --memory-swap= --memory-swappiness= --mount= --name= --net=",
    "--net-alias= --network= --network-alias= --no-healthcheck --oom-kill-disable",
    "--oom-score-adj= --pid= --pids-limit= --platform= --privileged -p,--publish=",
    "-P,--publish-all --pull= -q,--quiet --read-only --restart= --rm --runtime= --security-opt=",
    "--shm-size= --sig-proxy --stop-signal= --stop-timeout= --storage-opt= --sysctl= --tmpfs=",
    "-t,--tty --ulimit= --use-api-socket -u,--user= --userns= --uts= -v,--volume=",
    "--volume-driver= --volumes-from= -w,--workdir=",
];

pub(super) const BUILD: Flags = Flags { command: "docker build", known: BUILDING };
pub(super) const BUILDX_BUILD: Flags = Flags { command: "docker buildx build", known: BUILDING };

/// The classic builder's and BuildKit's.
const BUILDING: &[&str] = &[
    "--add-host= --allow= --annotation= --attest= --build-arg= --build-context= --builder=",
    "--cache-from= --cache-to= --call= --cgroup-parent= --check --compress --cpu-period=",
    "--cpu-quota= -c,--cpu-shares= --cpuset-cpus= --cpuset-mems= -D,--debug",
    "--disable-content-trust -f,--file= --force-rm -h,--help --iidfile= --isolation= --label=",
    "--load -m,--memory= --memory-swap= --metadata-file= --network= --no-cache",
    "--no-cache-filter= -o,--output= --platform= --print= --progress= --provenance= --pull",
    "--push -q,--quiet --rm --sbom= --secret= --security-opt= --shm-size= --squash --ssh=",
    "--stream -t,--tag= --target= --ulimit=",
];

/// Also a command of its own where buildx is installed.
pub(super) const BAKE: Flags = Flags {
    command: "docker buildx bake",
    known: &[
        "--allow= --builder= --call= --check -D,--debug -f,--file= -h,--help --list= --list-targets",
        "--list-variables --load --metadata-file= --no-cache --print --progress= --provenance= --pull",
        "--push --sbom= --set= --var=",
    ],
};

/// Between `buildx` and its command.
pub(super) const BUILDX: Flags =
    Flags { command: "docker buildx", known: &["--builder= -D,--debug -h,--help"] };

pub(super) const SERVICE_CREATE: Flags = Flags {
    command: "docker service create",
    known: &[
        SERVICE,
        "--cap-add= --cap-drop= --config= --constraint= --container-label= --dns= --dns-option=",
        "--dns-search= -e,--env= --env-file= --generic-resource= --group= --host= -l,--label=",
        "--mode= --mount= --name= --network= --placement-pref= -p,--publish= --secret= --sysctl=",
        "--ulimit=",
    ],
};

pub(super) const SERVICE_UPDATE: Flags = Flags {
    command: "docker service update",
    known: &[
        SERVICE,
        "--args= --cap-add= --cap-drop= --config-add= --config-rm= --constraint-add=",
        "--constraint-rm= --container-label-add= --container-label-rm= --dns-add=",
        "--dns-option-add= --dns-option-rm= --dns-rm= --dns-search-add= --dns-search-rm=",
        "--env-add= --env-rm= --force --generic-resource-add= --generic-resource-rm= --group-add=",
        "--group-rm= --host-add= --host-rm= --image= --label-add= --label-rm= --mount-add=",
        "--mount-rm= --network-add= --network-rm= --placement-pref-add= --placement-pref-rm=",
        "--publish-add= --publish-rm= --rollback --secret-add= --secret-rm= --sysctl-add=",
        "--sysctl-rm= --ulimit-add= --ulimit-rm=",
    ],
};

/// What creating and updating have in common.
const SERVICE: &str = "\
    --credential-spec= -d,--detach --endpoint-mode= --entrypoint= --health-cmd= \
    --health-interval= --health-retries= --health-start-interval= --health-start-period= \
    --health-timeout= -h,--help --hostname= --init --isolation= --limit-cpu= --limit-memory= \
    --limit-pids= --log-driver= --log-opt= --max-concurrent= --no-healthcheck \
    --no-resolve-image --oom-score-adj= -q,--quiet --read-only --replicas= \
    --replicas-max-per-node= --reserve-cpu= --reserve-memory= --restart-condition= \
    --restart-delay= --restart-max-attempts= --restart-window= --rollback-delay= \
    --rollback-failure-action= --rollback-max-failure-ratio= --rollback-monitor= \
    --rollback-order= --rollback-parallelism= --stop-grace-period= --stop-signal= -t,--tty \
    --update-delay= --update-failure-action= --update-max-failure-ratio= --update-monitor= \
    --update-order= --update-parallelism= -u,--user= --with-registry-auth -w,--workdir=";

pub(super) const PLUGIN_INSTALL: Flags = Flags {
    command: "docker plugin install",
    known: &["--alias= --disable --disable-content-trust --grant-all-permissions -h,--help"],
};

pub(super) const PLUGIN_UPGRADE: Flags = Flags {
    command: "docker plugin upgrade",
    known: &["--disable-content-trust --grant-all-permissions --skip-remote-check -h,--help"],
};

pub(super) const PLUGIN_PUSH: Flags =
    Flags { command: "docker plugin push", known: &["--disable-content-trust -h,--help"] };

/// Between `compose` and its command.
pub(super) const COMPOSE: Flags = Flags {
    command: "docker compose",
    known: &[
        "--all-resources --ansi= --compatibility -D,--debug --dry-run --env-file= -f,--file=",
        "-h,--help --insecure-registry= --no-ansi --parallel= --profile= --progress=",
        "--project-directory= -p,--project-name= --verbose -v,--version --workdir=",
    ],
};

/// The options of compose's own command, if it is one that pulls, runs or builds.
pub(super) fn of_compose(command: &str) -> Option<&'static Flags> {
    match command {
        "up" => Some(&COMPOSE_UP),
        "run" => Some(&COMPOSE_RUN),
        "create" => Some(&COMPOSE_CREATE),
        "pull" => Some(&COMPOSE_PULL),
        "build" => Some(&COMPOSE_BUILD),
        "watch" => Some(&COMPOSE_WATCH),
        "scale" => Some(&COMPOSE_SCALE),
        _ => None,
    }
}

const COMPOSE_UP: Flags = Flags {
    command: "docker compose up",
    known: &[
        COMPOSE_CREATING,
        "--abort-on-container-exit --abort-on-container-failure --always-recreate-deps --attach=",
        "--attach-dependencies -d,--detach --exit-code-from= --menu --no-attach= --no-color",
        "--no-deps --no-log-prefix --no-start --quiet-build -V,--renew-anon-volumes -t,--timeout=",
        "--timestamps --wait --wait-timeout= -w,--watch",
    ],
};

const COMPOSE_CREATE: Flags =
    Flags { command: "docker compose create", known: &[COMPOSE_CREATING] };

/// What `up` and `create` have in common.
const COMPOSE_CREATING: &str = "\
    --build --dry-run --force-recreate -h,--help --no-build --no-recreate --pull= --quiet-pull \
    --remove-orphans --scale= -y,--yes --y";

const COMPOSE_RUN: Flags = Flags {
    command: "docker compose run",
    known: &[
        "--build --cap-add= --cap-drop= -d,--detach --dry-run --entrypoint= -e,--env=",
        "--env-from-file= -h,--help -i,--interactive -l,--label= --labels= --name= --no-deps",
        "-T,--no-tty --no-TTY -p,--publish= --pull= -q,--quiet --quiet-build --quiet-pull",
        "--remove-orphans --rm -P,--service-ports -t,--tty --use-aliases -u,--user= -v,--volume=",
        "--volumes= -w,--workdir=",
    ],
};

const COMPOSE_PULL: Flags = Flags {
    command: "docker compose pull",
    known: &[
        "--dry-run -h,--help --ignore-buildable --ignore-pull-failures --include-deps",
        "--no-parallel --parallel --policy= -q,--quiet",
    ],
};

const COMPOSE_WATCH: Flags = Flags {
    command: "docker compose watch",
    known: &["--dry-run -h,--help --no-up --prune --quiet"],
};

const COMPOSE_SCALE: Flags =
    Flags { command: "docker compose scale", known: &["--dry-run -h,--help --no-deps"] };

pub(super) const COMPOSE_BUILD: Flags = Flags {
    command: "docker compose build",
    known: &[
        "--build-arg= --builder= --check --compress --dry-run --force-rm -h,--help -m,--memory=",
        "--no-cache --no-rm --parallel --print --progress= --provenance= --pull --push -q,--quiet",
        "--sbom= --ssh= --with-dependencies",
    ],
};
