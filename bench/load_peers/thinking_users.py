# SPDX-License-Identifier: Apache-2.0
# The same for Locust, with its faster HTTP client.
import os
import random

from locust import FastHttpUser, task

think_s = int(os.environ["THINK_MS"]) / 1000


class ThinkingUser(FastHttpUser):
    host = os.environ["URL"]

    def wait_time(self):
        return random.expovariate(1 / think_s) if think_s else 0

    @task
    def page(self):
        self.client.get("/")
