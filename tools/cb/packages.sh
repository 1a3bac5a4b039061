# SPDX-License-Identifier: Apache-2.0
# What a bare Debian 12 lacks, by purpose. Sourced by ./cb.

packages_build="g++ cmake ninja-build ccache pkg-config libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev
 libssl-dev libyaml-cpp-dev libcli11-dev libspdlog-dev libfmt-dev libexpected-dev libsqlite3-dev zlib1g-dev liblz4-dev
 libzstd-dev libsnappy-dev librdkafka-dev prometheus-cpp-dev libsoci-dev libpq-dev libgtest-dev libgmock-dev libbenchmark-dev"
packages_bench="valgrind nginx-light wrk apache2-utils nghttp2-client iproute2"
packages_test="postgresql kcat unzip openssl curl podman runc iproute2 chromium"
packages_check="clang-16 clang-tidy-16 clang-format-16 libclang-rt-16-dev lld-16"

# Programs for which any recent version will do, and the package that brings one.
programs_test="python3:python3 java:openjdk-17-jre-headless mvn:maven node:nodejs npm:npm"

missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || echo "$package"
    done
}

missing_programs() {
    local pair
    for pair in "$@"; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || echo "${pair##*:}"
    done
}

# ensure_packages PURPOSE…: installs what is missing, or says what to install where that is not ours to do.
ensure_packages() {
    local purpose wanted=() list
    if ! command -v dpkg-query >/dev/null 2>&1 || ! grep -qs 'VERSION_ID="12"' /etc/os-release; then
        [ -n "${CB_PACKAGES_ARE_THERE:-}" ] && return 0
        echo "This is not Debian 12, so nothing is installed for you. What is needed, by its Debian names:" >&2
        for purpose in "$@"; do list="packages_$purpose"; echo " ${!list}" | tr -s ' \n' ' ' >&2; echo >&2; done
        echo "Install these and call again with CB_PACKAGES_ARE_THERE=1." >&2
        exit 4
    fi
    for purpose in "$@"; do
        list="packages_$purpose"
        # shellcheck disable=SC2206,SC2207
        wanted+=($(missing_packages ${!list}))
        # shellcheck disable=SC2207
        [ "$purpose" = test ] && wanted+=($(missing_programs $programs_test))
    done
    [ ${#wanted[@]} -eq 0 ] && return 0
    if dpkg-query -W libboost1.74-dev >/dev/null 2>&1; then
        echo "libboost1.74-dev is installed and excludes libboost1.81-dev, which we need." >&2
        echo "If nothing of yours needs it: apt-get remove libboost1.74-dev. Then call again." >&2
        exit 4
    fi
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || { echo "As root: apt-get install ${wanted[*]}" >&2; exit 4; }
        as_root=(sudo)
    fi
    echo "Installing: ${wanted[*]}"
    "${as_root[@]}" apt-get update -qq || echo "The package lists could not be renewed; trying with those at hand." >&2
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends --no-remove \
        "${wanted[@]}" >build-packages.log 2>&1 </dev/null || {
        tail -n 20 build-packages.log >&2
        echo "The packages above could not be installed (all of it: build-packages.log)." >&2
        exit 4
    }
    rm -f build-packages.log
}
