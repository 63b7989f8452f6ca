/**
 * What a policy host may not ask of the kernel, by what it is about: name and number on x86-64
 * (arch/x86/entry/syscalls/syscall_64.tbl, Linux 6.12). Node starts and runs WebAssembly without any of them.
 */
const REFUSED: readonly (readonly [about: string, calls: string])[] = [
  [
    'sockets: no name, no peer, no descriptor from elsewhere',
    'socket 41, connect 42, accept 43, sendto 44, recvfrom 45, sendmsg 46, recvmsg 47, shutdown 48, ' +
      'bind 49, listen 50, socketpair 53, setsockopt 54, accept4 288, recvmmsg 299, sendmmsg 307',
  ],
  [
    'processes: none begun, none waited for',
    'fork 57, vfork 58, wait4 61, setpgid 109, setsid 112, getpgid 121, getsid 124, uselib 134, ' +
      'vhangup 153, waitid 247, unshare 272, setns 308, execveat 322',
  ],
  [
    'other processes: no signal, no look, no touch',
    'kill 62, ptrace 101, rt_sigqueueinfo 129, tkill 200, get_robust_list 274, ' +
      'rt_tgsigqueueinfo 297, process_vm_readv 310, process_vm_writev 311, kcmp 312, ' +
      'pidfd_send_signal 424, pidfd_open 434, pidfd_getfd 438, process_madvise 440, ' +
      'process_mrelease 448',
  ],
  [
    'where memory lies, and whose it is',
    'msync 26, mincore 27, mlock 149, munlock 150, mlockall 151, munlockall 152, ' +
      'remap_file_pages 216, mbind 237, set_mempolicy 238, get_mempolicy 239, migrate_pages 256, ' +
      'move_pages 279, memfd_create 319, userfaultfd 323, mlock2 325, memfd_secret 447, ' +
      'set_mempolicy_home_node 450, cachestat 451',
  ],
  [
    'scheduling',
    'getpriority 140, setpriority 141, sched_setparam 142, ' +
      'sched_setscheduler 144, sched_rr_get_interval 148, ' +
      'sched_setaffinity 203, ioprio_set 251, ioprio_get 252, sched_setattr 314, sched_getattr 315',
  ],
  [
    'tracing, programs in the kernel, rings',
    'io_setup 206, io_destroy 207, io_getevents 208, io_submit 209, io_cancel 210, ' +
      'lookup_dcookie 212, perf_event_open 298, bpf 321, io_pgetevents 333, io_uring_setup 425, ' +
      'io_uring_enter 426, io_uring_register 427',
  ],
  [
    'who it is and what holds it',
    'umask 95, setuid 105, setgid 106, setreuid 113, setregid 114, setgroups 116, setresuid 117, ' +
      'setresgid 119, setfsuid 122, setfsgid 123, capset 126, personality 135, add_key 248, ' +
      'request_key 249, keyctl 250, seccomp 317, landlock_create_ruleset 444, landlock_add_rule 445, ' +
      'landlock_restrict_self 446, lsm_get_self_attr 459, lsm_set_self_attr 460, lsm_list_modules 461',
  ],
  [
    'files made, named, changed: Landlock leaves modes, owners, times and attributes to us',
    'sendfile 40, flock 73, fsync 74, fdatasync 75, truncate 76, ftruncate 77, getdents 78, ' +
      'chdir 80, fchdir 81, rename 82, mkdir 83, rmdir 84, creat 85, link 86, unlink 87, symlink 88, ' +
      'chmod 90, fchmod 91, chown 92, fchown 93, lchown 94, utime 132, mknod 133, ustat 136, ' +
      'statfs 137, fstatfs 138, sysfs 139, chroot 161, sync 162, quotactl 179, readahead 187, ' +
      'setxattr 188, lsetxattr 189, fsetxattr 190, getxattr 191, lgetxattr 192, fgetxattr 193, ' +
      'listxattr 194, llistxattr 195, flistxattr 196, removexattr 197, lremovexattr 198, ' +
      'fremovexattr 199, getdents64 217, fadvise64 221, utimes 235, inotify_init 253, ' +
      'inotify_add_watch 254, inotify_rm_watch 255, mkdirat 258, mknodat 259, fchownat 260, ' +
      'futimesat 261, unlinkat 263, renameat 264, linkat 265, symlinkat 266, fchmodat 268, splice 275, ' +
      'tee 276, sync_file_range 277, vmsplice 278, utimensat 280, fallocate 285, inotify_init1 294, ' +
      'fanotify_init 300, fanotify_mark 301, name_to_handle_at 303, open_by_handle_at 304, syncfs 306, ' +
      'renameat2 316, copy_file_range 326, openat2 437, quotactl_fd 443, fchmodat2 452',
  ],
  [
    'queues and memory with names',
    'shmget 29, shmat 30, shmctl 31, semget 64, semop 65, semctl 66, shmdt 67, msgget 68, msgsnd 69, ' +
      'msgrcv 70, msgctl 71, semtimedop 220, mq_open 240, mq_unlink 241, mq_timedsend 242, ' +
      'mq_timedreceive 243, mq_notify 244, mq_getsetattr 245',
  ],
  [
    'mounts',
    'pivot_root 155, mount 165, umount2 166, open_tree 428, move_mount 429, fsopen 430, ' +
      'fsconfig 431, fsmount 432, fspick 433, mount_setattr 442, statmount 457, listmount 458',
  ],
  [
    'timers and descriptors that Node does without',
    'timer_create 222, timer_settime 223, timer_gettime 224, timer_getoverrun 225, timer_delete 226, ' +
      'signalfd 282, timerfd_create 283, timerfd_settime 286, timerfd_gettime 287, signalfd4 289',
  ],
  [
    'the machine itself',
    'syslog 103, modify_ldt 154, _sysctl 156, adjtimex 159, acct 163, settimeofday 164, swapon 167, ' +
      'swapoff 168, reboot 169, sethostname 170, setdomainname 171, iopl 172, ioperm 173, ' +
      'create_module 174, init_module 175, delete_module 176, get_kernel_syms 177, query_module 178, ' +
      'clock_settime 227, kexec_load 246, clock_adjtime 305, finit_module 313, kexec_file_load 320',
  ],
  [
    'left from other times',
    'nfsservctl 180, getpmsg 181, putpmsg 182, afs_syscall 183, tuxcall 184, security 185, ' +
      'set_thread_area 205, get_thread_area 211, epoll_ctl_old 214, epoll_wait_old 215, vserver 236',
  ],
];

/** The last call this list knows of, mseal. What a later kernel adds does not exist for a host. */
export const CALL_NUMBER_MAX = 462;

/** Between uretprobe and what 32-bit machines share, x86-64 has no call that a host could want. */
export const CALL_NUMBER_GAP = { first: 335, last: 423 } as const;

/** glibc begins threads by it and goes back to clone(2) where it is missing; a filter cannot read its flags. */
export const CALL_CLONE3 = 435;

/**
 * Told that all went well, and that everybody is scheduled as usual: Node's mutexes ask it of their threads,
 * complain on standard error where it is refused, and do not need to know.
 */
export const PRETENDED_CALLS = { sched_getparam: 143, sched_getscheduler: 145 } as const;

export const REFUSED_CALLS: ReadonlyMap<string, number> = new Map(
  REFUSED.flatMap(([, calls]) =>
    calls.split(', ').map((call): [string, number] => {
      const [name = '', number] = call.split(' ');
      return [name, Number(number)];
    }),
  ),
);
