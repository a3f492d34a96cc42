/* Lua as a reactor: its kernels are functions of lua.lua, and scripts call yield.
 * There is no setjmp in this C library, so an error in a script traps (setjmp.h of
 * this folder); and no processes or temporary files, so os and io are left out. */
#define HOST_IMPL
#include "host.h"
#include "lua.h"
#include "lauxlib.h"
#include "lualib.h"

static const char script[] = {
#embed "lua.lua" suffix(, 0)
};

static const luaL_Reg libraries[] = {
  {LUA_GNAME, luaopen_base}, {LUA_COLIBNAME, luaopen_coroutine}, {LUA_TABLIBNAME, luaopen_table},
  {LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math}, {LUA_UTF8LIBNAME, luaopen_utf8},
};

static lua_State *L;

static int yield(lua_State *l) {
  lua_pushinteger(l, host_yield((int)luaL_optinteger(l, 1, 0)));
  return 1;
}

static int call(const char *function, int n) {
  if (!L) {
    L = luaL_newstate();
    for (unsigned i = 0; i < sizeof libraries / sizeof *libraries; i++) {
      luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
      lua_pop(L, 1);
    }
    lua_register(L, "yield", yield);
    if (luaL_dostring(L, script)) __builtin_trap();
  }
  lua_getglobal(L, function);
  lua_pushinteger(L, n);
  lua_call(L, 1, 1);
  int result = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return result;
}

EXPORT(k_lua_fib) int k_lua_fib(int n) { return call("fib", n); }
EXPORT(k_lua_spectral) int k_lua_spectral(int n) { return call("spectral", n); }
EXPORT(k_lua_strs) int k_lua_strs(int n) { return call("strs", n); }
EXPORT(k_lua_sorts) int k_lua_sorts(int n) { return call("sorts", n); }
EXPORT(k_lua_trees) int k_lua_trees(int n) { return call("trees", n); }
EXPORT(sw_lua) int sw_lua(int n) { return call("yielder", n); }
