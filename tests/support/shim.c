/* Stands between a process and its disk, by LD_PRELOAD, for one folder.

   disk_watch(folder, image): from then on the image holds what a power cut would leave of the folder
   if nothing survived but what was synced. A sync of a file copies its content to image/KEY; a sync of
   the folder writes its list of names to image/names, a line "KEY NAME" each: so a new name, a rename
   and a removal count from the sync of the folder on. The key is the inode's number and birth.

   disk_kill_at(operation, suffix, nth): dies by SIGKILL at the nth "write" (half of it is written),
   "sync" (before it), "synced" (after it), "truncate" or "unlink" of a file whose name ends so. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
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

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int fd) {
    about_to("sync", fd);
    return synced(fd, REAL(fsync)(fd));
}

int fdatasync(int fd) {
    about_to("sync", fd);
    return synced(fd, REAL(fdatasync)(fd));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    char path[PATH_MAX];
    if (fatal_count && path_of(fd, path) && is_fatal("write", path)) {
        REAL(pwrite64)(fd, bytes, count / 2, at);
        kill(getpid(), SIGKILL);
    }
    return REAL(pwrite64)(fd, bytes, count, at);
}

int ftruncate64(int fd, off64_t length) {
    about_to("truncate", fd);
    return REAL(ftruncate64)(fd, length);
}

int unlink(const char *path) {
    die_at("unlink", path);
    return REAL(unlink)(path);
}
