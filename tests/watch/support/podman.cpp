// SPDX-License-Identifier: Apache-2.0
#include "watch/support/podman.hpp"

#include <cstdlib>

#include "watch/support/watch_run.hpp"

namespace cb::tests {
namespace {

namespace fs = std::filesystem;

bool in_path(const std::string& program) {
    child_process which({"sh", "-c", "command -v " + program});
    return which.wait(std::chrono::seconds(10)) == 0;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& each : words) {
        out += each + " ";
    }
    return out;
}

} // namespace

std::unique_ptr<podman> podman::make() {
    if (!in_path("podman")) {
        return nullptr;
    }
    // As mkdtemp wants it, and short: a socket's path has at most 107 characters.
    auto name = "/tmp/cb-podman-" + std::string(6, 'X');
    std::unique_ptr<podman> engine(new podman(mkdtemp(name.data())));
    engine->serve();
    engine->make_image();
    return engine;
}

podman::~podman() {
    remove_containers();
    service_.reset();
    std::error_code wrong;
    fs::remove_all(folder_, wrong);
}

std::vector<std::string> podman::base() const {
    std::vector<std::string> words{"podman",
                                   "--root",
                                   (folder_ / "storage").string(),
                                   "--runroot",
                                   (folder_ / "run").string(),
                                   "--storage-driver",
                                   "vfs",
                                   "--cgroup-manager",
                                   "cgroupfs",
                                   "--events-backend",
                                   "file"};
    // crun refuses machines with both versions of cgroups.
    static const bool has_runc = in_path("runc");
    if (has_runc) {
        words.insert(words.end(), {"--runtime", "runc"});
    }
    return words;
}

podman::outcome podman::run(const std::vector<std::string>& words) const {
    // In our folder: the container's monitor leaves a file `oom` where it was started from.
    std::vector<std::string> command{"env", "-C", folder_.string()};
    const auto engine = base();
    command.insert(command.end(), engine.begin(), engine.end());
    command.insert(command.end(), words.begin(), words.end());
    child_process program(command);
    outcome out;
    out.code = program.wait(std::chrono::seconds(60));
    out.output = program.output();
    return out;
}

podman::outcome podman::start(const std::string& name, const std::vector<std::string>& options,
                              const std::vector<std::string>& arguments) const {
    // Resource limits given: the engine's own defaults may be above what this machine's root may grant.
    std::vector<std::string> words{"run",  "--detach", "--name",           name,       "--network",
                                   "none", "--ulimit", "nofile=4096:4096", "--ulimit", "nproc=1024:1024"};
    words.insert(words.end(), options.begin(), options.end());
    words.emplace_back("known-use");
    words.insert(words.end(), arguments.begin(), arguments.end());
    return run(words);
}

void podman::make_image() {
    const auto program = fs::path(known_use_program());
    child_process import({"sh", "-c",
                          "tar -C " + program.parent_path().string() + " -c known_use | " + joined(base()) +
                              " import --change 'ENTRYPOINT [\"/known_use\"]' - known-use"});
    if (import.wait(std::chrono::seconds(60)) != 0) {
        problem_ = import.output();
        return;
    }
    const auto tried = start("trial", {}, {"--seconds", "0.1"});
    if (tried.code != 0) {
        problem_ = tried.output;
    }
    remove_containers();
}

void podman::serve() {
    auto words = base();
    words.insert(words.end(), {"system", "service", "--time", "0", address()});
    service_ = std::make_unique<child_process>(words);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!fs::exists(folder_ / "socket") && std::chrono::steady_clock::now() < until) {
    }
}

void podman::stop_serving() {
    service_.reset();
    fs::remove(folder_ / "socket");
}

} // namespace cb::tests
