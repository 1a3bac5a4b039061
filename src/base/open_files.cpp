// SPDX-License-Identifier: Apache-2.0
#include "base/open_files.hpp"

#include <sys/resource.h>

namespace cb {

std::size_t raise_file_limit() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    ::getrlimit(RLIMIT_NOFILE, &files);
    return files.rlim_cur;
}

} // namespace cb
