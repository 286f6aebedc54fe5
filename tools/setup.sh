# shellcheck shell=bash
# Shared by ./run, ./test and ./bench: what must be installed, how to build, how to talk to the reader.
# Sourced with the repository's root as working directory.
set -euo pipefail

# What compiles the server, what functions and tests run on. Debian 12 (bookworm) names.
BUILD_PACKAGES=(
  clang-14 cmake ninja-build mold ccache pkg-config python3-minimal ca-certificates
  libboost1.81-dev libssl-dev librocksdb-dev libsimdjson-dev libfmt-dev libre2-dev libyaml-dev libexpat1-dev libzip-dev
  libarchive-dev zlib1g-dev libzstd-dev liblzma-dev libnghttp2-dev libcurl4-openssl-dev libseccomp-dev libcap-dev libsnappy-dev liblz4-dev libbz2-dev
  libgtest-dev libgmock-dev libbenchmark-dev
)
RUN_PACKAGES=(curl python3-boto3 tzdata)
TEST_PACKAGES=(clang-format-14 llvm-14 g++-12 curl zip unzip ruby openjdk-17-jdk-headless rclone s3cmd s3fs restic iproute2 zstd crun
  runc qemu-system-x86)

readonly root=$PWD
readonly jobs=${CUMULET_JOBS:-$(nproc)}
readonly started=$SECONDS

if [[ -t 1 ]]; then
  bold=$(printf '\033[1m') red=$(printf '\033[31m') plain=$(printf '\033[0m')
else
  bold='' red='' plain=''
fi
readonly bold red plain

say() { printf '%s\n' "$*"; }
title() { printf '\n%s== %s%s  (%d:%02d)\n' "$bold" "$*" "$plain" $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)); }
die() {
  printf '%serror:%s %s\n' "$red" "$plain" "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# as_root COMMAND...: directly, or through sudo.
as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    return 77
  fi
}

# need_packages PACKAGE...: installs the Debian packages that are missing, and says which.
need_packages() {
  local missing=() package
  local installed
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true)
  for package in "$@"; do
    grep -qxF "$package" <<<"$installed" || missing+=("$package")
  done
  ((${#missing[@]} == 0)) && return
  have apt-get || die "this script installs with apt-get (Debian 12). Please install: ${missing[*]}"
  say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  local log=$root/build/apt.log
  mkdir -p "$root/build"
  if ! { as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
    >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    die "apt-get failed (whole output: build/apt.log). As root: apt-get install ${missing[*]}"
  fi
}

# need_guest_kernel: a kernel for the tests' microVMs. Where /boot has none, Debian's is unpacked into build/guest-kernel:
# a machine that boots a kernel of its own kind needs none installed.
need_guest_kernel() {
  compgen -G '/boot/vmlinuz-*' >/dev/null && return
  local folder=$root/build/guest-kernel package
  if ! compgen -G "$folder/boot/vmlinuz-*" >/dev/null; then
    package=$(apt-cache depends linux-image-amd64 2>/dev/null | awk '$1 == "Depends:" { print $2; exit }')
    say "Unpacking ${package:-linux-image-amd64} into build/guest-kernel, for microVMs"
    rm -rf "$folder" && mkdir -p "$folder.new"
    if ! (cd "$folder.new" && apt-get download -qq "${package:-linux-image-amd64}" && dpkg-deb -x ./*.deb . && rm ./*.deb) \
      >"$root/build/guest-kernel.log" 2>&1; then
      say "    no kernel for microVMs: build/guest-kernel.log"
      rm -rf "$folder.new"
      return
    fi
    mv "$folder.new" "$folder"
  fi
  CUMULET_TEST_MICROVM_KERNEL=$(compgen -G "$folder/boot/vmlinuz-*" | head -n 1)
  export CUMULET_TEST_MICROVM_KERNEL
}

# Interpreters for functions: whatever is on the PATH will do, so only what is missing altogether is installed.
need_interpreters() {
  local wanted=()
  have python3 || wanted+=(python3)
  have node || wanted+=(nodejs)
  ((${#wanted[@]} == 0)) || need_packages "${wanted[@]}"
}

# build PRESET [TARGET...]: configures when needed and builds, with progress; the compiler's words only when it fails.
build() {
  local preset=$1
  shift
  local dir=build/$preset log=build/$preset.log
  mkdir -p build
  if [[ ! -f $dir/build.ninja ]]; then
    cmake --preset "$preset" >"$log" 2>&1 || { tail -n 30 "$log" >&2; die "configuring $preset failed (build/$preset.log)"; }
  fi
  if [[ -t 1 ]]; then
    NINJA_STATUS="[%f/%t, %es] " flock "$dir.lock" ninja -C "$dir" -j "$jobs" "$@" || return 1
    return
  fi
  # Not a terminal: a line now and then.
  if ! NINJA_STATUS="[%f/%t, %es] " flock "$dir.lock" ninja -C "$dir" -j "$jobs" "$@" 2>&1 | tee "$log" |
    awk '/^\[/ { split(substr($1, 2), n, "[/,]"); if (n[1] - last >= 40 || n[1] == n[2]) { print; fflush(); last = n[1] } }'; then
    grep -v '^\[' "$log" | head -n 60 >&2
    return 1
  fi
}

# wait_for_url URL SECONDS PID: true when it answers, false when the time is over or the process ended.
wait_for_url() {
  local tries=$(($2 * 20))
  while ((tries-- > 0)); do
    curl -fsS -o /dev/null --max-time 2 "$1" 2>/dev/null && return 0
    [[ -z ${3:-} ]] || kill -0 "$3" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}
