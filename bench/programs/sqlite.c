/* SQLite as a reactor, on a database in memory: the kernels run SQL, and yield is a
 * function that SQL calls. */
#define HOST_IMPL
#include "host.h"
#include <stdio.h>
#include <string.h>
#include "sqlite3.h"

static sqlite3 *db;

static void check(int code) {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
  fprintf(stderr, "SQLite: %s\n", db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
  __builtin_trap();
}

/* A file system without files: SQLite wants one even for databases in memory. */
static int no_open(sqlite3_vfs *v, sqlite3_filename name, sqlite3_file *f, int flags, int *out) {
  (void)v, (void)name, (void)flags, (void)out;
  f->pMethods = NULL;
  return SQLITE_CANTOPEN;
}
static int no_delete(sqlite3_vfs *v, const char *name, int sync) { return (void)v, (void)name, (void)sync, SQLITE_OK; }
static int no_access(sqlite3_vfs *v, const char *name, int flags, int *out) { return (void)v, (void)name, (void)flags, *out = 0, SQLITE_OK; }
static int same_path(sqlite3_vfs *v, const char *name, int n, char *out) { return (void)v, sqlite3_snprintf(n, out, "%s", name), SQLITE_OK; }
static int zeros(sqlite3_vfs *v, int n, char *out) { return (void)v, memset(out, 0, (size_t)n), n; }
static int no_sleep(sqlite3_vfs *v, int us) { return (void)v, us; }
static int no_time(sqlite3_vfs *v, double *out) { return (void)v, *out = 2460000.5, SQLITE_OK; }
static int no_error(sqlite3_vfs *v, int n, char *out) { return (void)v, (void)n, (void)out, 0; }

int sqlite3_os_init(void) {
  static sqlite3_vfs none = {
    .iVersion = 1, .szOsFile = sizeof(sqlite3_file), .mxPathname = 64, .zName = "none", .xOpen = no_open, .xDelete = no_delete, .xAccess = no_access,
    .xFullPathname = same_path, .xRandomness = zeros, .xSleep = no_sleep, .xCurrentTime = no_time, .xGetLastError = no_error,
  };
  return sqlite3_vfs_register(&none, 1);
}
int sqlite3_os_end(void) { return SQLITE_OK; }

static void yield(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sqlite3_result_int(context, host_yield(sqlite3_value_int(argv[0])));
}

/* Runs a statement for every ?1 up to `times`, and returns the sum of the last numbers
 * that it yields. */
static int total(const char *sql, int first, int times) {
  sqlite3_stmt *statement;
  check(sqlite3_prepare_v2(db, sql, -1, &statement, NULL));
  int sum = 0;
  for (int i = first; i < first + times; i++) {
    int last = 0, code;
    sqlite3_bind_int(statement, 1, i);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) last = sqlite3_column_int(statement, 0);
    check(code);
    check(sqlite3_reset(statement));
    sum += last;
  }
  check(sqlite3_finalize(statement));
  return sum;
}

/* The same for one ?1. */
static int number(const char *sql, int n) { return total(sql, n, 1); }

static void run(const char *sql) { check(sqlite3_exec(db, sql, NULL, NULL, NULL)); }

#define NUMBERS "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i < ?1) "

static void start(void) {
  if (db) return;
  check(sqlite3_open(":memory:", &db));
  check(sqlite3_create_function(db, "yield", 1, SQLITE_UTF8, NULL, yield, NULL, NULL));
  run("CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, city INT, age INT);"
      "CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT);");
  number("INSERT INTO city " NUMBERS "SELECT i, 'city ' || i FROM c", 50);
  number("INSERT INTO person " NUMBERS "SELECT i, printf('name %05d', i * 7919 % 20011), 1 + i % 50, i * 31 % 97 FROM c", 5000);
}

EXPORT(k_sql_insert) int k_sql_insert(int n) {
  start();
  run("CREATE TABLE log(a INTEGER, b TEXT, c REAL); CREATE INDEX log_b ON log(b); BEGIN");
  number("INSERT INTO log " NUMBERS "SELECT i * 7 % 1009, 'row ' || (i * 31 % 4001), i / 3.0 FROM c", n);
  run("COMMIT");
  int result = number("SELECT sum(a) + count(DISTINCT b) + ?1 FROM log", n);
  run("DROP TABLE log");
  return result;
}

/* n queries, each prepared, that look up by the key. */
EXPORT(k_sql_lookup) int k_sql_lookup(int n) {
  start();
  int sum = 0;
  for (int i = 0; i < n; i++) sum += number("SELECT age + length(name) FROM person WHERE id = ?1", 1 + i * 37 % 5000);
  return sum;
}

EXPORT(k_sql_join) int k_sql_join(int n) {
  start();
  return total("SELECT sum(length(c.name) * p.age) FROM person p JOIN city c ON c.id = p.city WHERE p.name LIKE '%' || (?1 % 10) || '%'", 0, n);
}

EXPORT(k_sql_sort) int k_sql_sort(int n) {
  start();
  return number("SELECT sum(r * age) % 1000003 FROM (SELECT age, row_number() OVER (ORDER BY name, age DESC) AS r FROM person WHERE id <= ?1)", n);
}

EXPORT(k_sql_group) int k_sql_group(int n) {
  start();
  return total("SELECT sum(m) FROM (SELECT max(age) * count(*) + avg(id) AS m FROM person WHERE id > ?1 GROUP BY city, age % 5 HAVING count(*) > 1)", 0, n);
}

/* Only the parser and the code generator. */
EXPORT(k_sql_parse) int k_sql_parse(int n) {
  start();
  int ready = 0;
  for (int i = 0; i < n; i++) {
    sqlite3_stmt *statement;
    char sql[256];
    sqlite3_snprintf(sizeof sql, sql,
      "SELECT p.id + %d, upper(p.name), CASE WHEN age > %d THEN 'a' ELSE 'b' END FROM person p JOIN city c ON p.city = c.id WHERE p.age IN (1, 2, %d) ORDER BY c.name LIMIT 3", i, i, i);
    check(sqlite3_prepare_v2(db, sql, -1, &statement, NULL));
    ready += sqlite3_column_count(statement);
    check(sqlite3_finalize(statement));
  }
  return ready;
}

EXPORT(sw_sql) int sw_sql(int n) {
  start();
  return number(NUMBERS "SELECT sum(yield(i)) FROM c", n);
}
