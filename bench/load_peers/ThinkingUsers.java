// SPDX-License-Identifier: Apache-2.0
// The scenario of bench/load_peers.sh for Gatling: users come over some seconds, each with a connection of its own, and ask
// for a page after exponential think times until the time is over.
import static io.gatling.javaapi.core.CoreDsl.*;
import static io.gatling.javaapi.http.HttpDsl.*;

import io.gatling.javaapi.core.*;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

public class ThinkingUsers extends Simulation {
    private static long number(String name) { return Long.parseLong(System.getProperty(name)); }

    {
        long thinkMs = number("think_ms");
        long lengthS = number("length_s");
        var ask = exec(http("page").get("/").check(status().is(200)));
        var round = thinkMs == 0
            ? ask
            : ask.pause(session -> Duration.ofNanos((long) (-Math.log(1 - ThreadLocalRandom.current().nextDouble()) * thinkMs * 1e6)));
        var users = scenario("thinking").during(Duration.ofSeconds(lengthS)).on(round);
        setUp(users.injectOpen(rampUsers((int) number("users")).during(Duration.ofSeconds(number("ramp_s")))))
            .protocols(http.baseUrl(System.getProperty("url")).disableWarmUp().disableCaching().disableFollowRedirect())
            .maxDuration(Duration.ofSeconds(lengthS));
    }
}
