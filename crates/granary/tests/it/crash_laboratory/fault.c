/* Loaded into the server by the crash laboratory (LD_PRELOAD): counts every call that changes something in one folder,
 * writes each down, and lets the one with a given number fail or be the last that the process makes.
 *
 * strace can inject too, but it counts for each thread apart, and which thread does what is different in every run. Here
 * one counter counts for all of them. That no such call slips by is shown by strace: its trace has the same calls.
 *
 * LAB_FOLDER  the folder, absolute          LAB_LOG    where calls are written down, one a line
 * LAB_AT      number of the call to spoil   LAB_FAULT  errno for it, or "kill"
 * LAB_ARM     counting begins when this file exists
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX], arm[PATH_MAX];
static size_t folder_length;
static int log_fd = -1, armed;
static long count, at;
static int fault; /* an errno, or -1 for kill */

__attribute__((constructor)) static void begin(void) {
  const char *in = getenv("LAB_FOLDER"), *log = getenv("LAB_LOG"), *when = getenv("LAB_ARM");
  if (!in || !log || !when) return;
  snprintf(folder, sizeof folder, "%s", in);
  snprintf(arm, sizeof arm, "%s", when);
  folder_length = strlen(folder);
  at = getenv("LAB_AT") ? atol(getenv("LAB_AT")) : 0;
  const char *what = getenv("LAB_FAULT");
  fault = !what ? 0 : strcmp(what, "kill") == 0 ? -1 : atoi(what);
  log_fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  /* Programs that the server starts are not the server. */
  unsetenv("LD_PRELOAD");
}

/* 0: go on; anything else: fail with this errno. `second` is the other path of calls that have two. */
static int decide_two(const char *call, const char *path, const char *second, long long from, long long bytes) {
  if (log_fd < 0 || strncmp(path, folder, folder_length) != 0) return 0;
  if (path[folder_length] != '/' && path[folder_length] != 0) return 0;
  pthread_mutex_lock(&one_at_a_time);
  if (!armed) armed = syscall(SYS_faccessat, AT_FDCWD, arm, F_OK) == 0;
  int spoiled = 0;
  if (armed) {
    char line[2 * PATH_MAX + 200];
    spoiled = ++count == at ? fault : 0;
    int length = snprintf(line, sizeof line, "%ld\t%s\t%s\t%lld\t%lld\t%s\t%s\n", count, call, path + folder_length, from, bytes,
                          spoiled ? "spoiled" : "done", strncmp(second, folder, folder_length) == 0 ? second + folder_length : "");
    if (syscall(SYS_write, log_fd, line, length) != length) abort();
  }
  if (spoiled == -1) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
  }
  pthread_mutex_unlock(&one_at_a_time);
  return spoiled;
}

static int decide(const char *call, const char *path, long long from, long long bytes) {
  return decide_two(call, path, "", from, bytes);
}

static int decide_fd(const char *call, int fd, long long from, long long bytes) {
  char link[64], path[PATH_MAX];
  if (log_fd < 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  int kept = errno, spoiled = decide(call, path, from, bytes);
  errno = kept;
  return spoiled;
}

#define SPOIL(decision) \
  do { \
    int spoiled_ = (decision); \
    if (spoiled_) { \
      errno = spoiled_; \
      return -1; \
    } \
  } while (0)

static int open_any(int dir, const char *path, int flags, mode_t mode) {
  if (flags & (O_CREAT | O_TRUNC)) SPOIL(decide("openat", path, 0, 0));
  return syscall(SYS_openat, dir, path, flags, mode);
}

#define MODE_OF(flags) \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | O_TMPFILE)) { \
    va_list more; \
    va_start(more, flags); \
    mode = va_arg(more, mode_t); \
    va_end(more); \
  }

int open(const char *path, int flags, ...) { MODE_OF(flags) return open_any(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags) return open_any(AT_FDCWD, path, flags, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE_OF(flags) return open_any(dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE_OF(flags) return open_any(dir, path, flags, mode); }

ssize_t write(int fd, const void *from, size_t bytes) {
  SPOIL(decide_fd("write", fd, syscall(SYS_lseek, fd, 0, SEEK_CUR), bytes));
  return syscall(SYS_write, fd, from, bytes);
}
ssize_t writev(int fd, const struct iovec *parts, int number) {
  long long bytes = 0;
  for (int i = 0; i < number; i++) bytes += parts[i].iov_len;
  SPOIL(decide_fd("writev", fd, syscall(SYS_lseek, fd, 0, SEEK_CUR), bytes));
  return syscall(SYS_writev, fd, parts, number);
}
ssize_t pwrite64(int fd, const void *from, size_t bytes, off64_t offset) {
  SPOIL(decide_fd("pwrite64", fd, offset, bytes));
  return syscall(SYS_pwrite64, fd, from, bytes, offset);
}
ssize_t pwrite(int fd, const void *from, size_t bytes, off_t offset) { return pwrite64(fd, from, bytes, offset); }
ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t bytes, unsigned flags) {
  SPOIL(decide_fd("copy_file_range", out, 0, bytes));
  return syscall(SYS_copy_file_range, in, in_at, out, out_at, bytes, flags);
}

int fsync(int fd) {
  SPOIL(decide_fd("fsync", fd, 0, 0));
  return syscall(SYS_fsync, fd);
}
int fdatasync(int fd) {
  SPOIL(decide_fd("fdatasync", fd, 0, 0));
  return syscall(SYS_fdatasync, fd);
}

int ftruncate64(int fd, off64_t length) {
  SPOIL(decide_fd("ftruncate", fd, length, 0));
  return syscall(SYS_ftruncate, fd, length);
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }
int fallocate64(int fd, int mode, off64_t from, off64_t bytes) {
  SPOIL(decide_fd("fallocate", fd, from, bytes));
  return syscall(SYS_fallocate, fd, mode, from, bytes);
}
int fallocate(int fd, int mode, off_t from, off_t bytes) { return fallocate64(fd, mode, from, bytes); }

int unlink(const char *path) {
  SPOIL(decide("unlink", path, 0, 0));
  return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}
int unlinkat(int dir, const char *path, int flags) {
  SPOIL(decide("unlink", path, 0, 0));
  return syscall(SYS_unlinkat, dir, path, flags);
}
int mkdir(const char *path, mode_t mode) {
  SPOIL(decide("mkdir", path, 0, 0));
  return syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
int mkdirat(int dir, const char *path, mode_t mode) {
  SPOIL(decide("mkdir", path, 0, 0));
  return syscall(SYS_mkdirat, dir, path, mode);
}
int rename(const char *from, const char *to) {
  SPOIL(decide_two("rename", to, from, 0, 0));
  return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int renameat(int in, const char *from, int out, const char *to) {
  SPOIL(decide_two("rename", to, from, 0, 0));
  return syscall(SYS_renameat2, in, from, out, to, 0);
}
int link(const char *from, const char *to) {
  SPOIL(decide_two("link", to, from, 0, 0));
  return syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int linkat(int in, const char *from, int out, const char *to, int flags) {
  SPOIL(decide_two("link", to, from, 0, 0));
  return syscall(SYS_linkat, in, from, out, to, flags);
}
int chmod(const char *path, mode_t mode) {
  SPOIL(decide("chmod", path, 0, 0));
  return syscall(SYS_fchmodat, AT_FDCWD, path, mode);
}
int fchmod(int fd, mode_t mode) {
  SPOIL(decide_fd("chmod", fd, 0, 0));
  return syscall(SYS_fchmod, fd, mode);
}
int bind(int fd, const struct sockaddr *address, socklen_t length) {
  if (address->sa_family == AF_UNIX) SPOIL(decide("bind", ((const struct sockaddr_un *)address)->sun_path, 0, 0));
  return syscall(SYS_bind, fd, address, length);
}
