// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "storage/disk.hpp"

namespace cb::storage {

/// A disk in memory whose power can be cut: it knows what was synced, and at the cut it loses, tears or keeps whatever
/// was not. `kill -9` cannot test that, for the kernel keeps what a dead process wrote.
///
///   appended -> pending_ -- sync() --> durable           a name: created -> pending -- sync_folder() --> durable
///                  |
///               power cut: kept, lost (a hole of zeros when later bytes were kept), or torn in its middle
///
/// Owner: a test. Thread: one.
class simulated_disk final : public disk {
public:
    enum class after_cut : std::uint8_t {
        keeps_all,     ///< as after kill -9
        loses_all,     ///< everything unsynced is gone
        anything_goes, ///< each unsynced write kept, lost or torn; names kept up to some moment
    };

    /// From the step after the next `steps` on every operation fails: the power is off. Steps change something.
    void cut_power_after(std::uint64_t steps) { steps_left_ = steps; }
    /// Steps done since the beginning.
    [[nodiscard]] std::uint64_t steps() const { return steps_; }
    [[nodiscard]] bool power_is_off() const { return off_; }
    /// The power is back: what the disk holds now. Files opened before are of no use any more.
    void restore_power(after_cut how, random_source random);
    /// No step succeeds any more, as on a full disk; reading does.
    void refuse_writes(bool refused) { full_ = refused; }
    /// Writes that were never synced, over all files: none when everything is durable.
    [[nodiscard]] std::size_t unsynced_writes() const;

    result<std::unique_ptr<file>> open(const std::string& name) override;
    result<std::unique_ptr<file>> create(const std::string& name) override;
    result<std::vector<std::string>> list(const std::string& folder) override;
    result<void> make_folder(const std::string& folder) override;
    result<void> rename(const std::string& from, const std::string& to) override;
    result<void> remove(const std::string& name) override;
    result<void> sync_folder(const std::string& folder) override;

private:
    friend class simulated_file;
    struct write {
        std::uint64_t at;
        std::vector<std::byte> bytes; ///< empty: a cut of the file at `at`
    };
    struct inode {
        std::vector<std::byte> bytes;   ///< as a reader sees it
        std::vector<std::byte> durable; ///< as of the last sync
        std::vector<write> pending;
    };
    /// A file under its name, or a folder (no inode).
    using names = std::map<std::string, std::shared_ptr<inode>>;
    struct renaming {
        std::string name;
        std::optional<std::shared_ptr<inode>> now; ///< none: the name is gone
    };
    result<void> step();
    void set_name(const std::string& name, std::shared_ptr<inode> what);
    void drop_name(const std::string& name);
    static void settle(inode& which, after_cut how, random_source& random);

    names names_;
    names durable_names_;
    std::vector<renaming> pending_names_;
    std::optional<std::uint64_t> steps_left_;
    std::uint64_t steps_ = 0;
    std::uint64_t life_ = 0; ///< power-ups; files of an earlier life are dead
    bool off_ = false;
    bool full_ = false;
};

} // namespace cb::storage
