// SPDX-License-Identifier: Apache-2.0
#include "moving/http/event_stream.hpp"
#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>

namespace moving::http {
namespace {

/// Remembered for readers whose handler was still in the pool. A handler takes milliseconds; at 2,000 events a second
/// these are half a second.
constexpr std::size_t most_recent = 1024;

void append_lines(std::string& out, std::string_view name, std::string_view text) {
    std::size_t begin = 0;
    for (;;) {
        const auto end = std::min(text.find_first_of("\r\n", begin), text.size());
        out += name;
        out += text.substr(begin, end - begin);
        out += '\n';
        if (end == text.size()) {
            return;
        }
        begin = end + (text.substr(end).starts_with("\r\n") ? 2 : 1);
    }
}

/// Names and ids are one line by their nature; more would be another field.
std::string_view first_line(std::string_view text) { return text.substr(0, text.find_first_of("\r\n")); }

} // namespace

std::string event_text(const stream_event& event) {
    std::string out;
    out.reserve(event.name.size() + event.id.size() + event.data.size() + 24);
    if (!event.name.empty()) {
        append_lines(out, "event: ", first_line(event.name));
    }
    if (!event.id.empty()) {
        append_lines(out, "id: ", first_line(event.id));
    }
    append_lines(out, "data: ", event.data);
    out += '\n';
    return out;
}

bool event_hub::place::is_news(std::string_view id) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
    if (!ids_rise || error != std::errc() || end != id.data() + id.size()) {
        return true;
    }
    const bool news = number > newest;
    newest = std::max(newest, number);
    return news;
}

event_hub::event_hub(boost::asio::io_context& loop) : loop_(loop) {}

void event_hub::publish(std::string key, stream_event event) {
    if (loop_.get_executor().running_in_this_thread()) {
        publish_here(key, event);
        return;
    }
    boost::asio::post(loop_, [self = shared_from_this(), key = std::move(key), event = std::move(event)] {
        self->publish_here(key, event);
    });
}

void event_hub::publish_here(const std::string& key, const stream_event& event) {
    auto text = event_text(event);
    if (const auto found = readers_.find(key); found != readers_.end()) {
        // Backwards: a reader that leaves meanwhile is replaced by one that has its event already. Nothing of the list
        // is touched after its first, which may be its last.
        auto& readers = found->second;
        for (auto i = readers.size(); i-- > 0;) {
            if (readers[i].is_news(event.id)) {
                readers[i].reader->take(text);
            }
        }
    }
    recent_.push_back({next_++, key, event.id, std::move(text)});
    if (recent_.size() > most_recent) {
        recent_.pop_front();
    }
}

std::string event_hub::add(const subscription& what, std::uint64_t since, event_reader& reader) {
    place seat{&reader, what.ids_rise, 0};
    std::string text;
    for (const auto& event : what.first) {
        text += event_text(event);
        seat.is_news(event.id);
    }
    for (const auto& past : recent_) {
        const auto same_id = [&](const stream_event& e) { return !e.id.empty() && e.id == past.id; };
        if (past.number >= since && past.key == what.key &&
            std::none_of(what.first.begin(), what.first.end(), same_id) && seat.is_news(past.id)) {
            text += past.text;
        }
    }
    readers_[what.key].push_back(seat);
    ++count_;
    return text;
}

void event_hub::remove(std::string_view key, event_reader& reader) {
    const auto found = readers_.find(key);
    if (found == readers_.end()) {
        return;
    }
    auto& readers = found->second;
    const auto at =
        std::find_if(readers.begin(), readers.end(), [&](const place& each) { return each.reader == &reader; });
    if (at == readers.end()) {
        return;
    }
    *at = readers.back();
    readers.pop_back();
    --count_;
    if (readers.empty()) {
        readers_.erase(found);
    }
}

} // namespace moving::http
