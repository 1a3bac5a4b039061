// SPDX-License-Identifier: Apache-2.0
// Server-sent events: who publishes under a key reaches all streams subscribed to it.
#pragma once
#include "moving/http/message.hpp"
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace moving::http {

/// The event as it goes over the wire: "event: …\nid: …\ndata: …\n\n", a data line for each line of the data.
[[nodiscard]] std::string event_text(const stream_event& event);

/// A reader of events. Lives on the loop thread.
class event_reader {
public:
    virtual ~event_reader() = default;
    /// The bytes of one event or more. It may leave the hub during the call.
    virtual void take(std::string_view text) = 0;
};

/// Shared by the server and what is on its way to the loop (make_shared); lives on the loop thread; only `publish` may
/// be called from others (while the loop exists). The last events are remembered for a moment, so that none is lost
/// between a handler's look into the database, on a thread of the pool, and the subscription that follows it on the
/// loop.
class event_hub : public std::enable_shared_from_this<event_hub> {
public:
    explicit event_hub(boost::asio::io_context& loop);

    /// From any thread. On the loop thread the events are with the readers' buffers when it returns.
    void publish(std::string key, stream_event event);

    /// The number of the next event: what a later `add` gives as `since`.
    [[nodiscard]] std::uint64_t position() const { return next_; }
    /// From now on `reader` takes the key's events; returns the text of `first` and of those that were published since
    /// position `since`, without the ones whose id is among `first`.
    [[nodiscard]] std::string add(const subscription& what, std::uint64_t since, event_reader& reader);
    void remove(std::string_view key, event_reader& reader);
    [[nodiscard]] std::size_t readers() const { return count_; }

private:
    struct recent {
        std::uint64_t number;
        std::string key;
        std::string id;
        std::string text;
    };
    struct key_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
    };
    /// Who reads, and what he has seen.
    struct place {
        event_reader* reader = nullptr;
        bool ids_rise = false;
        std::int64_t newest = 0;

        /// Whether an event of this id is news; it is seen then.
        bool is_news(std::string_view id);
    };
    void publish_here(const std::string& key, const stream_event& event);

    boost::asio::io_context& loop_;
    std::unordered_map<std::string, std::vector<place>, key_hash, std::equal_to<>> readers_;
    std::deque<recent> recent_;
    std::uint64_t next_ = 0;
    std::size_t count_ = 0;
};

} // namespace moving::http
