// SPDX-License-Identifier: Apache-2.0
#include "app/load_view.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <boost/json/serialize.hpp>
#include <sys/ioctl.h>
#include <unistd.h>

namespace cb::app {
namespace {

/// Runs above this are told in fives of seconds.
constexpr nanoseconds long_run{60'000'000'000};
constexpr std::int64_t seconds_per_line_of_long_run = 5;

void print(std::FILE* where, std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), where);
    std::fflush(where);
}

screen_size terminal_size() {
    winsize window{};
    screen_size out;
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0) {
        out.columns = window.ws_col;
        out.rows = window.ws_row;
    }
    return out;
}

class live_view final : public load_view {
public:
    explicit live_view(load_view_subject subject)
        : subject_(std::move(subject)), coloured_(std::getenv("NO_COLOR") == nullptr) {}

    void started() override {
        const load::merged_seconds nothing(subject_.work.steps.size());
        load_figures figures;
        figures.second = -1;
        draw(figures, nanoseconds(0), nothing);
    }

    void second(const load::merged_seconds& what, const load::run_state& state, nanoseconds planned,
                const load::merged_seconds& totals) override {
        const auto figures = figures_of(subject_.work, what, state, 1);
        history_.add(figures);
        draw(figures, planned, totals);
    }

    /// Above the figures, which are drawn again below it.
    void notice(std::string_view text) override {
        print(stdout, back_to_top() + std::string(text) + "\n");
        lines_ = 0;
    }

    void ended() override { print(stdout, "\n"); }

private:
    /// Clears what was drawn: everything from its first line on.
    [[nodiscard]] std::string back_to_top() const {
        return lines_ == 0 ? "" : "\x1b[" + std::to_string(lines_) + "A\r\x1b[J";
    }

    void draw(const load_figures& figures, nanoseconds planned, const load::merged_seconds& totals) {
        const auto lines = live_screen(subject_, figures, history_, planned, totals, terminal_size());
        auto text = back_to_top();
        for (const auto& each : lines) {
            const bool red = coloured_ && each.alarm;
            text += (red ? "\x1b[31m" : "") + each.text + (red ? "\x1b[0m" : "") + "\n";
        }
        lines_ = lines.size();
        print(stdout, text);
    }

    load_view_subject subject_;
    bool coloured_;
    load_history history_;
    std::size_t lines_ = 0;
};

class plain_view final : public load_view {
public:
    explicit plain_view(load_view_subject subject)
        : subject_(std::move(subject)),
          seconds_per_line_(subject_.outline.length > long_run ? seconds_per_line_of_long_run : 1),
          gathered_(subject_.work.steps.size()) {}

    void second(const load::merged_seconds& what, const load::run_state& state, nanoseconds /*planned*/,
                const load::merged_seconds& /*totals*/) override {
        gathered_.merge(what);
        gathered_.second = what.second;
        state_ = state;
        if (what.second + 1 - told_ >= seconds_per_line_) {
            tell();
        }
    }
    void notice(std::string_view text) override { print(stdout, std::string(text) + "\n"); }
    void ended() override {
        if (gathered_.second + 1 > told_) {
            tell();
        }
    }

private:
    void tell() {
        const auto seconds = static_cast<double>(gathered_.second + 1 - told_);
        print(stdout, plain_line(figures_of(subject_.work, gathered_, state_, seconds)) + "\n");
        told_ = gathered_.second + 1;
        gathered_ = load::merged_seconds(subject_.work.steps.size());
        gathered_.second = told_ - 1;
    }

    load_view_subject subject_;
    std::int64_t seconds_per_line_;
    load::merged_seconds gathered_;
    load::run_state state_;
    std::int64_t told_ = 0; ///< seconds
};

class json_view final : public load_view {
public:
    explicit json_view(load_view_subject subject) : subject_(std::move(subject)) {}

    void second(const load::merged_seconds& what, const load::run_state& state, nanoseconds /*planned*/,
                const load::merged_seconds& /*totals*/) override {
        print(stdout, boost::json::serialize(to_json(subject_.work, figures_of(subject_.work, what, state, 1))) + "\n");
    }
    void notice(std::string_view text) override { print(stderr, std::string(text) + "\n"); }

private:
    load_view_subject subject_;
};

} // namespace

std::unique_ptr<load_view> make_live_view(load_view_subject subject) {
    return std::make_unique<live_view>(std::move(subject));
}
std::unique_ptr<load_view> make_plain_view(load_view_subject subject) {
    return std::make_unique<plain_view>(std::move(subject));
}
std::unique_ptr<load_view> make_json_view(load_view_subject subject) {
    return std::make_unique<json_view>(std::move(subject));
}

bool standard_output_is_terminal() {
    const char* kind = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) == 1 && kind != nullptr && std::strcmp(kind, "dumb") != 0;
}

} // namespace cb::app
