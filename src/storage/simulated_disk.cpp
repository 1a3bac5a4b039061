// SPDX-License-Identifier: Apache-2.0
#include "storage/simulated_disk.hpp"

#include <algorithm>
#include <utility>

namespace cb::storage {

class simulated_file final : public file {
public:
    simulated_file(simulated_disk& in, std::shared_ptr<simulated_disk::inode> node)
        : disk_(in), life_(in.life_), node_(std::move(node)) {}

    result<void> append(wire::bytes_view bytes) override {
        if (auto done = step(); !done) {
            return done;
        }
        node_->pending.push_back({node_->bytes.size(), {bytes.begin(), bytes.end()}});
        node_->bytes.insert(node_->bytes.end(), bytes.begin(), bytes.end());
        return {};
    }
    result<void> read(std::uint64_t at, std::span<std::byte> into) const override {
        if (disk_.off_ || disk_.life_ != life_) {
            return fail(errc::io, "read: the power is off");
        }
        if (at + into.size() > node_->bytes.size()) {
            return fail(errc::io, "read: the file ends before");
        }
        std::copy_n(node_->bytes.begin() + static_cast<std::ptrdiff_t>(at), into.size(), into.begin());
        return {};
    }
    result<void> truncate(std::uint64_t size) override {
        if (auto done = step(); !done) {
            return done;
        }
        node_->pending.push_back({size, {}});
        node_->bytes.resize(size);
        return {};
    }
    result<void> sync() override {
        if (auto done = step(); !done) {
            return done;
        }
        node_->durable = node_->bytes;
        node_->pending.clear();
        return {};
    }
    [[nodiscard]] std::uint64_t size() const override { return node_->bytes.size(); }

private:
    result<void> step() { return disk_.life_ == life_ ? disk_.step() : fail(errc::io, "the power was off"); }

    simulated_disk& disk_;
    std::uint64_t life_;
    std::shared_ptr<simulated_disk::inode> node_;
};

result<void> simulated_disk::step() {
    if (steps_left_ && *steps_left_ == 0) {
        off_ = true;
    }
    if (off_) {
        return fail(errc::io, "the power is off");
    }
    if (full_) {
        return fail(errc::io, "no space left on device");
    }
    if (steps_left_) {
        --*steps_left_;
    }
    ++steps_;
    return {};
}

void simulated_disk::set_name(const std::string& name, std::shared_ptr<inode> what) {
    names_[name] = what;
    pending_names_.push_back({name, std::move(what)});
}

void simulated_disk::drop_name(const std::string& name) {
    names_.erase(name);
    pending_names_.push_back({name, std::nullopt});
}

result<std::unique_ptr<file>> simulated_disk::open(const std::string& name) {
    const auto found = names_.find(name);
    if (off_) {
        return fail(errc::io, "the power is off");
    }
    if (found == names_.end() || !found->second) {
        return fail(errc::not_found, "open " + name + ": no such file");
    }
    return std::make_unique<simulated_file>(*this, found->second);
}

result<std::unique_ptr<file>> simulated_disk::create(const std::string& name) {
    if (auto done = step(); !done) {
        return tl::unexpected(done.error());
    }
    const auto folder = folder_of(name);
    if (!folder.empty() && !names_.contains(folder)) {
        return fail(errc::not_found, "create " + name + ": no such folder");
    }
    auto node = std::make_shared<inode>();
    set_name(name, node);
    return std::make_unique<simulated_file>(*this, std::move(node));
}

result<std::vector<std::string>> simulated_disk::list(const std::string& folder) {
    if (off_) {
        return fail(errc::io, "the power is off");
    }
    std::vector<std::string> out;
    for (const auto& [name, what] : names_) {
        if (folder_of(name) == folder) {
            out.push_back(name.substr(folder.empty() ? 0 : folder.size() + 1));
        }
    }
    return out;
}

result<void> simulated_disk::make_folder(const std::string& folder) {
    if (folder.empty() || names_.contains(folder)) {
        return {};
    }
    if (auto above = make_folder(folder_of(folder)); !above) {
        return above;
    }
    if (auto done = step(); !done) {
        return done;
    }
    set_name(folder, nullptr);
    return {};
}

result<void> simulated_disk::rename(const std::string& from, const std::string& to) {
    if (auto done = step(); !done) {
        return done;
    }
    const auto found = names_.find(from);
    if (found == names_.end()) {
        return fail(errc::not_found, "rename " + from + ": no such file");
    }
    const auto node = found->second;
    // One step for whoever looks after a power cut too: the old name goes only together with the new one.
    set_name(to, node);
    drop_name(from);
    return {};
}

result<void> simulated_disk::remove(const std::string& name) {
    std::vector<std::string> below;
    for (const auto& [each, what] : names_) {
        if (each == name || each.starts_with(name + "/")) {
            below.push_back(each);
        }
    }
    // From the leaves up, a step each, as the machine does it.
    for (auto at = below.rbegin(); at != below.rend(); ++at) {
        if (auto done = step(); !done) {
            return done;
        }
        drop_name(*at);
    }
    return {};
}

result<void> simulated_disk::sync_folder(const std::string& folder) {
    if (auto done = step(); !done) {
        return done;
    }
    std::vector<renaming> rest;
    for (auto& each : pending_names_) {
        if (folder_of(each.name) != folder) {
            rest.push_back(std::move(each));
        } else if (each.now) {
            durable_names_[each.name] = *each.now;
        } else {
            durable_names_.erase(each.name);
        }
    }
    pending_names_ = std::move(rest);
    return {};
}

std::size_t simulated_disk::unsynced_writes() const {
    std::size_t sum = 0;
    for (const auto& [name, node] : names_) {
        sum += node ? node->pending.size() : 0;
    }
    return sum;
}

void simulated_disk::settle(inode& which, after_cut how, random_source& random) {
    if (how == after_cut::keeps_all) {
        which.durable = which.bytes;
    } else if (how == after_cut::anything_goes) {
        for (const auto& each : which.pending) {
            const auto fate = random.below(4);
            if (each.bytes.empty()) {
                if (fate != 0 && which.durable.size() > each.at) {
                    which.durable.resize(each.at);
                }
                continue;
            }
            if (fate == 0) {
                continue; // lost; a hole when a later one is kept
            }
            const auto kept = fate == 1 ? random.below(each.bytes.size()) : each.bytes.size();
            if (which.durable.size() < each.at + kept) {
                which.durable.resize(each.at + kept);
            }
            std::copy_n(each.bytes.begin(), kept, which.durable.begin() + static_cast<std::ptrdiff_t>(each.at));
        }
    }
    which.bytes = which.durable;
    which.pending.clear();
}

void simulated_disk::restore_power(after_cut how, random_source random) {
    std::size_t kept = 0;
    if (how == after_cut::keeps_all) {
        kept = pending_names_.size();
    } else if (how == after_cut::anything_goes) {
        kept = random.below(pending_names_.size() + 1);
    }
    for (std::size_t i = 0; i < kept; ++i) {
        const auto& each = pending_names_[i];
        if (each.now) {
            durable_names_[each.name] = *each.now;
        } else {
            durable_names_.erase(each.name);
        }
    }
    pending_names_.clear();
    // A name whose folder was lost is lost with it; names are sorted, so folders come before what is in them.
    for (auto at = durable_names_.begin(); at != durable_names_.end();) {
        const auto folder = folder_of(at->first);
        at = folder.empty() || durable_names_.contains(folder) ? std::next(at) : durable_names_.erase(at);
    }
    names_ = durable_names_;
    std::set<inode*> settled;
    for (const auto& [name, node] : names_) {
        if (node && settled.insert(node.get()).second) {
            settle(*node, how, random);
        }
    }
    steps_left_.reset();
    off_ = false;
    ++life_;
}

} // namespace cb::storage
