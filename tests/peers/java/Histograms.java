// SPDX-License-Identifier: Apache-2.0
// HdrHistogram's own code reads an interval log of ours, and writes one for us. Run by tests/peers from its source:
//   java -cp LIBS Histograms.java OURS THEIRS
// A line on stdout an interval: whose, tag, start, count, then the values that both must agree on.
import java.io.File;
import java.util.*;
import org.HdrHistogram.*;

public class Histograms {
    static void tell(String whose, String tag, double start, Histogram values) {
        StringBuilder line = new StringBuilder(whose + " " + tag + " " + String.format("%.3f", start));
        line.append(' ').append(values.getTotalCount());
        for (double percentile : new double[] {0, 25, 50, 90, 99, 99.9, 99.99, 100}) {
            line.append(' ').append(values.getValueAtPercentile(percentile));
        }
        line.append(' ').append(values.getMinValue()).append(' ').append(values.getMaxValue());
        line.append(' ').append(Math.round(values.getMean())).append(' ').append(Math.round(values.getStdDeviation()));
        System.out.println(line);
    }

    public static void main(String[] args) throws Exception {
        HistogramLogReader reader = new HistogramLogReader(new File(args[0]));
        for (EncodableHistogram each; (each = reader.nextIntervalHistogram()) != null;) {
            tell("ours", each.getTag(), each.getStartTimeStamp() / 1000.0 - reader.getStartTimeSec(), (Histogram) each);
        }
        try (var out = new java.io.PrintStream(args[1])) {
            HistogramLogWriter writer = new HistogramLogWriter(out);
            writer.outputComment("[made by Java]");
            writer.outputLogFormatVersion();
            writer.outputStartTime(1_700_000_000_000L);
            writer.outputLegend();
            Random random = new Random(9);
            for (int second = 0; second < 3; ++second) {
                Histogram values = new Histogram(1_000, 3_600_000_000_000L, 2 + second);
                for (int i = 0; i < 20_000; ++i) {
                    values.recordValue((long) Math.exp(random.nextDouble() * 28));
                }
                values.setTag("java-" + second);
                values.setStartTimeStamp(second * 1000L);
                values.setEndTimeStamp(second * 1000L + 1000);
                writer.outputIntervalHistogram(second, second + 1, values, 1e6);
                tell("theirs", values.getTag(), second, values);
            }
        }
    }
}
