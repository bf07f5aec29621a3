// Checks an app against NAME.golden.zip, unpacked into `folder`. No other file is needed.
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest
import org.json.JSONArray
import org.json.JSONObject

/** `prepare` makes the model's input of a picture file as the app does it, and `run` is the app's
 *  call of the model: `{ x -> ByteBuffer.allocateDirect(bytes).also { interpreter.run(x, it) } }`.
 *  Writes `log` for `tflconv verify --app-log` and returns what differs; nothing if all is right. */
fun checkGolden(folder: File, log: File, prepare: (File) -> ByteArray, run: (ByteBuffer) -> ByteBuffer): List<String> {
    val golden = JSONObject(File(folder, "golden.json").readText())
    val samples = golden.getJSONArray("samples")
    val output = golden.getJSONObject("output")
    val (scale, zero) = Pair(output.optDouble("scale", 1.0), output.optInt("zero_point"))
    fun outputs(input: ByteArray, count: Int): List<Double> {
        val buffer = ByteBuffer.allocateDirect(input.size).order(ByteOrder.nativeOrder()).put(input)
        val bytes = run(buffer.apply { rewind() }).order(ByteOrder.nativeOrder()).apply { rewind() }
        val values = List(count) {
            when (output.getString("dtype")) {
                "float32" -> bytes.getFloat().toDouble()
                "uint8" -> scale * ((bytes.get().toInt() and 255) - zero)
                "int16" -> scale * (bytes.getShort() - zero)
                else -> scale * (bytes.get() - zero)
            }
        }
        return values.map { if (it.isFinite()) it else 1e30 } // JSON has no NaN
    }
    val faults = mutableListOf<String>()
    log.writeText("")
    for (sample in List(samples.length()) { samples.getJSONObject(it) }) {
        val (picture, expected) = Pair(sample.getString("picture"), sample.getJSONArray("expected"))
        val own = prepare(File(folder, picture))
        val hash = MessageDigest.getInstance("SHA-256").digest(own).joinToString("") { "%02x".format(it) }
        val ours = outputs(own, expected.length())
        val exact = outputs(File(folder, sample.getString("input")).readBytes(), expected.length())
        fun far(x: List<Double>) = x.indices.any { Math.abs(x[it] - expected.getDouble(it)) > golden.getDouble("tolerance") }
        if (far(exact)) faults += "$picture: the model differs for the same input bytes"
        else if (far(ours)) faults += "$picture: the input differs"
        val line = JSONObject().put("picture", picture).put("input_sha256", hash)
        log.appendText(line.put("outputs", JSONArray(ours)).put("golden_outputs", JSONArray(exact)).toString() + "\n")
    }
    return faults
}
