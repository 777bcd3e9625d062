/* Stands between a process and its disk, by LD_PRELOAD, for one folder.

   disk_watch(folder, image): from then on the image holds what a power cut would leave of the folder
   if nothing survived but what was synced. A sync of a file copies its content to image/KEY; a sync of
   the folder writes its list of names to image/names, a line "KEY NAME" each: so a new name, a rename
   and a removal count from the sync of the folder on. The key is the inode's number and birth.

   disk_kill_at(operation, suffix, nth): dies by SIGKILL at the nth "write" (half of it is written),
   "sync" (before it), "synced" (after it), "truncate" or "unlink" of a file whose name ends so.

   disk_fail_at(folder, operation, nth, error, mark): the nth "write" (half of it is written), "sync", "open",
   "rename", "truncate" or "unlink" of a file in the folder fails with this errno, and so does the nth "allocate",
   an allocation of SQLite. The file named by the mark is created then, with the path of the operation in it. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char watched[PATH_MAX], image[PATH_MAX], fatal_operation[16], fatal_suffix[64];
static long fatal_count;

void disk_watch(const char *folder, const char *into) {
    strncpy(watched, folder, sizeof watched - 1);
    strncpy(image, into, sizeof image - 1);
}

void disk_kill_at(const char *operation, const char *suffix, long nth) {
    strncpy(fatal_operation, operation, sizeof fatal_operation - 1);
    strncpy(fatal_suffix, suffix, sizeof fatal_suffix - 1);
    fatal_count = nth;
}

static int is_fatal(const char *operation, const char *path) {
    size_t length = strlen(path), suffix = strlen(fatal_suffix);
    if (!fatal_count || strcmp(operation, fatal_operation) || length < suffix) return 0;
    if (strcmp(path + length - suffix, fatal_suffix)) return 0;
    return __sync_sub_and_fetch(&fatal_count, 1) == 0;
}

static void die_at(const char *operation, const char *path) {
    if (is_fatal(operation, path)) kill(getpid(), SIGKILL);
}

static char failing_folder[PATH_MAX], failing_operation[16], mark[PATH_MAX];
static long failing_count;
static int failing_error;
static char *sqlite_start, *sqlite_end;

static int find_sqlite(struct dl_phdr_info *library, size_t size, void *nothing) {
    if (!strstr(library->dlpi_name, "sqlite")) return 0;
    for (int number = 0; number < library->dlpi_phnum; number++) {
        const ElfW(Phdr) *part = &library->dlpi_phdr[number];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
        if (sqlite_end && !strstr(library->dlpi_name, "libsqlite3")) continue;
        sqlite_start = (char *)library->dlpi_addr + part->p_vaddr;
        sqlite_end = sqlite_start + part->p_memsz;
    }
    return 0;
}

/* Return 1 if the library of SQLite is found, so that its allocations can fail. */
int disk_fail_at(const char *folder, const char *operation, long nth, int error, const char *marked) {
    strncpy(failing_folder, folder, sizeof failing_folder - 1);
    strncpy(failing_operation, operation, sizeof failing_operation - 1);
    strncpy(mark, marked, sizeof mark - 1);
    failing_error = error;
    dl_iterate_phdr(find_sqlite, NULL);
    failing_count = nth;
    return sqlite_end != NULL;
}

static int is_turn(const char *path) {
    if (__sync_sub_and_fetch(&failing_count, 1) != 0) return 0;
    int out = creat(mark, 0600);
    if (out < 0 || pwrite(out, path, strlen(path), 0) < 0) abort();
    close(out);
    errno = failing_error;
    return 1;
}

static int is_below(const char *folder, const char *path) {
    size_t length = strlen(folder);
    return length && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

/* Return 1 if this operation has to fail; a relative path is in the folder, where the process works. */
static int fails(const char *operation, const char *path) {
    if (strcmp(operation, failing_operation) || (path[0] == '/' && !is_below(failing_folder, path))) return 0;
    return is_turn(path);
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

static int key_of(int at, const char *name, int flags, char *key) {
    struct statx found;
    if (statx(at, name, flags, STATX_INO | STATX_BTIME, &found)) return 0;
    sprintf(key, "%llu-%lld-%u", (unsigned long long)found.stx_ino, (long long)found.stx_btime.tv_sec,
            found.stx_btime.tv_nsec);
    return 1;
}

static void put_in_place(const char *aside, const char *name) {
    char target[2 * PATH_MAX];
    snprintf(target, sizeof target, "%s/%s", image, name);
    rename(aside, target);
}

static void keep_content(int fd, const char *aside) {
    char key[80], block[1 << 16];
    if (!key_of(fd, "", AT_EMPTY_PATH, key)) return;
    int out = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    off_t at = 0;
    /* Read through the caller's descriptor: closing one of our own would drop SQLite's locks. */
    for (ssize_t count; (count = pread(fd, block, sizeof block, at)) > 0; at += count)
        if (write(out, block, count) != count) abort();
    close(out);
    put_in_place(aside, key);
}

static void keep_names(const char *aside) {
    FILE *out = fopen(aside, "we");
    DIR *folder = opendir(watched);
    char key[80];
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_type == DT_REG && key_of(dirfd(folder), entry->d_name, AT_SYMLINK_NOFOLLOW, key))
            fprintf(out, "%s %s\n", key, entry->d_name);
    closedir(folder);
    fclose(out);
    put_in_place(aside, "names");
}

static void keep(int fd, const char *path) {
    char aside[2 * PATH_MAX];
    size_t length = strlen(watched);
    int trouble = errno;
    if (!length || strncmp(path, watched, length)) return;
    snprintf(aside, sizeof aside, "%s/aside-%d-%d", image, getpid(), gettid());
    if (!path[length]) keep_names(aside);
    else if (path[length] == '/') keep_content(fd, aside);
    errno = trouble;
}

static int synced(int fd, int result) {
    char path[PATH_MAX];
    if (!result && path_of(fd, path)) {
        keep(fd, path);
        die_at("synced", path);
    }
    return result;
}

static void about_to(const char *operation, int fd) {
    char path[PATH_MAX];
    if (fatal_count && path_of(fd, path)) die_at(operation, path);
}

static int file_fails(const char *operation, int fd) {
    char path[PATH_MAX];
    if (strcmp(operation, failing_operation) || !path_of(fd, path) || !is_below(failing_folder, path)) return 0;
    return is_turn(path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int fd) {
    if (file_fails("sync", fd)) return -1;
    about_to("sync", fd);
    return synced(fd, REAL(fsync)(fd));
}

int fdatasync(int fd) {
    if (file_fails("sync", fd)) return -1;
    about_to("sync", fd);
    return synced(fd, REAL(fdatasync)(fd));
}

ssize_t write(int fd, const void *bytes, size_t count) {
    if (file_fails("write", fd)) {
        REAL(write)(fd, bytes, count / 2);
        errno = failing_error;
        return -1;
    }
    return REAL(write)(fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    char path[PATH_MAX];
    if (fatal_count && path_of(fd, path) && is_fatal("write", path)) {
        REAL(pwrite64)(fd, bytes, count / 2, at);
        kill(getpid(), SIGKILL);
    }
    if (file_fails("write", fd)) {
        REAL(pwrite64)(fd, bytes, count / 2, at);
        errno = failing_error;
        return -1;
    }
    return REAL(pwrite64)(fd, bytes, count, at);
}

int ftruncate64(int fd, off64_t length) {
    if (file_fails("truncate", fd)) return -1;
    about_to("truncate", fd);
    return REAL(ftruncate64)(fd, length);
}

int unlink(const char *path) {
    if (fails("unlink", path)) return -1;
    die_at("unlink", path);
    return REAL(unlink)(path);
}

int rename(const char *from, const char *to) {
    return fails("rename", to) ? -1 : REAL(rename)(from, to);
}

int link(const char *from, const char *to) {
    return fails("rename", to) ? -1 : REAL(link)(from, to);
}

#define OPEN(name)                                        \
    int name(const char *path, int flags, ...) {          \
        va_list rest;                                     \
        va_start(rest, flags);                            \
        mode_t mode = va_arg(rest, mode_t);               \
        va_end(rest);                                     \
        if (fails("open", path)) return -1;               \
        return REAL(name)(path, flags, mode);             \
    }
OPEN(open)
OPEN(open64)

#ifdef __GLIBC__
void *__libc_malloc(size_t size);
void *__libc_realloc(void *block, size_t size);

static int allocation_fails(char *caller) {
    return failing_count > 0 && !strcmp(failing_operation, "allocate") && caller >= sqlite_start && caller < sqlite_end &&
           is_turn("");
}

void *malloc(size_t size) {
    return allocation_fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *realloc(void *block, size_t size) {
    return allocation_fails(__builtin_return_address(0)) ? NULL : __libc_realloc(block, size);
}
#endif
