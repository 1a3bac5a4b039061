// SPDX-License-Identifier: Apache-2.0
#include "app/log_output.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/clock.hpp"

namespace cb::app {
namespace {

class spdlog_output final : public log_sink {
public:
    spdlog_output(log_format format, log_level least) : format_(format), least_(least) {
        auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        sink->set_pattern("%v"); // time and level are in our own line
        logger_ = std::make_unique<spdlog::logger>("chaosbroker", std::move(sink));
        logger_->set_level(spdlog::level::trace);
        logger_->flush_on(spdlog::level::trace);
    }

    void write(log_level level, std::string_view event, std::span<const log_field> fields) override {
        if (level < least_) {
            return;
        }
        const auto now = clock_.wall_ms();
        logger_->info(format_ == log_format::json ? log_line_json(now, level, event, fields)
                                                  : log_line_text(now, level, event, fields));
    }

private:
    log_format format_;
    log_level least_;
    system_clock clock_;
    std::unique_ptr<spdlog::logger> logger_;
};

} // namespace

std::unique_ptr<log_sink> make_log_output(log_format format, log_level least) {
    return std::make_unique<spdlog_output>(format, least);
}

} // namespace cb::app
