// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "moving/service/definition.hpp"

namespace moving::service {

/// Runs one instance of a service until SIGTERM or SIGINT, and returns the exit code: 0 ended as told, 4 the
/// environment failed (port taken). A database or brokers that are not there yet are waited for: /readyz says so
/// meanwhile.
///
///        clients                          Kafka                       other services
///           │ HTTP                          ▲ │                             │ GET /events
///   ┌───────▼──────── loop ───────┐   ┌─────┘ └──────┐              ┌───────▼─────┐
///   │ server ─► router            │   │ relay        │ consumer     │ steward:    │
///   │             │ reads, health │   │ (thread)     │ (thread)     │ retries,    │
///   └─────────────┼───────────────┘   └──▲───────▲───┘   │          │ reconciler  │
///                 │ writes               │ events│       ▼          └──────┬──────┘
///          request_pool (threads) ───────┘       └── intake ◄──────────────┘
///                 └──────────────────► database ◄──────┘
int run_instance(const settings& of, const std::function<definition(const settings&)>& define);

} // namespace moving::service
