#!/bin/bash
# slurm_cluster.sh start|stop DIR: a Slurm of NODES nodes with two fake GPUs each on this machine alone, for test_slurm.py.
# All state is below DIR, all ports on the loopback. Debian's slurm-wlm and munge; works as any user.
set -eu
COMMAND=$1
DIR=$(realpath -m "$2")
HOST=$(hostname -s)
ME=$(id -un)
NODES=${NODES:-2}
PORT=${PORT:-16817}
export SLURM_CONF=$DIR/slurm.conf

configure() {
    mkdir -p "$DIR"/{state,log,run,spool,bin,mungerun}
    chmod 755 "$DIR" "$DIR/mungerun"
    mkdir -p -m 700 "$DIR/munge"
    (umask 077 && head -c 1024 /dev/urandom > "$DIR/munge/key")
    cat > "$SLURM_CONF" <<C
ClusterName=ganbench$PORT
SlurmctldHost=$HOST(127.0.0.1)
SlurmUser=$ME
SlurmdUser=$ME
SlurmctldPort=$PORT
SlurmdPort=$((PORT + 1))
AuthType=auth/munge
AuthInfo=socket=$DIR/mungerun/munge.sock,cred_expire=15
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$DIR/state
SlurmdSpoolDir=$DIR/spool/%n
SlurmctldPidFile=$DIR/run/slurmctld.pid
SlurmdPidFile=$DIR/run/slurmd.%n.pid
SlurmctldLogFile=$DIR/log/slurmctld.log
SlurmdLogFile=$DIR/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
MinJobAge=3600
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=10
KillWait=5
MailProg=/bin/true
GresTypes=gpu
C
    for i in $(seq "$NODES"); do  # CPUs in plenty, so that the GPUs are the limit
        echo "NodeName=n$i NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((PORT + i)) CPUs=8 RealMemory=64000 Gres=gpu:2"
    done >> "$SLURM_CONF"
    echo "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefMemPerCPU=100 State=UP" >> "$SLURM_CONF"
    # character devices that everyone has stand for GPUs: no one opens them
    printf 'AutoDetect=off\nName=gpu File=/dev/null\nName=gpu File=/dev/zero\n' > "$DIR/gres.conf"
    echo 'CgroupPlugin=cgroup/v1' > "$DIR/cgroup.conf"
    # the job step of Snakemake's plugin drops SLURM_CONF before it calls srun
    for program in srun sbatch squeue scancel scontrol sinfo; do
        printf '#!/bin/sh\nSLURM_CONF=%s exec /usr/bin/%s "$@"\n' "$SLURM_CONF" $program > "$DIR/bin/$program"
        chmod 755 "$DIR/bin/$program"
    done
}

start() {
    configure
    /usr/sbin/munged --key-file="$DIR/munge/key" --socket="$DIR/mungerun/munge.sock" \
        --pid-file="$DIR/run/munged.pid" --log-file="$DIR/munge/munged.log" --seed-file="$DIR/munge/seed" --num-threads=2
    /usr/sbin/slurmctld -f "$SLURM_CONF"
    for i in $(seq "$NODES"); do /usr/sbin/slurmd -f "$SLURM_CONF" -N "n$i"; done
    for _ in $(seq 100); do
        [ "$(sinfo -h -N -t idle -o %N 2> /dev/null | sort -u | wc -l)" = "$NODES" ] && return
        sleep 0.1
    done
    sinfo -N -l || true
    tail -n 20 "$DIR"/log/*.log
    return 1
}

stop() {
    scancel -u "$ME" 2> /dev/null || true
    sleep 1
    for file in "$DIR"/run/slurmd.*.pid "$DIR/run/slurmctld.pid" "$DIR/run/munged.pid"; do
        [ -s "$file" ] || continue
        kill "$(cat "$file")" 2> /dev/null || true
    done
    # processes that outlived their job, by the cluster's name in their environment
    for environment in /proc/[0-9]*/environ; do
        if tr '\0' '\n' 2> /dev/null < "$environment" | grep -qx "SLURM_CLUSTER_NAME=ganbench$PORT"; then
            pid=${environment#/proc/}
            kill -9 "${pid%/environ}" 2> /dev/null || true
        fi
    done
}

$COMMAND
