/* The control of ../current_control.py as an FMU of FMI 2, for co-simulation, at the ratings below.

   Inputs 0 to 6: v_a v_b v_c i1_a i1_b i1_c v_dc; 7 8: p_in q_in; 9: enable_in.
   Outputs 10 to 12: e_a e_b e_c; 13 gates, 14 contactor, 15 mode, 16 alarm. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#define API __declspec(dllexport)
#else
#define API
#endif

typedef void *Component;
typedef unsigned int Ref;
typedef void (*Logger)(void *, const char *, int, const char *, const char *, ...);
typedef struct { Logger logger; void *allocate, *free, *finished, *environment; } Callbacks;
enum { OK, WARNING, DISCARD, ERROR };

static const double POWER = 100e3, VOLTAGE = 480.0, HERTZ = 60.0, REACTORS = 0.146, CAPACITORS = 0.043;
static const double START = 0.1, PI = 3.14159265358979323846;

typedef struct {
    double real[13];
    int whole[17];
    double theta, speed, v_d, v_q, x_d, x_q, waited;
    int tripped;
    const Callbacks *callbacks;
} Control;

static void park(const double *abc, double c, double s, double *d, double *q)
{
    double alpha = (2.0 * abc[0] - abc[1] - abc[2]) / 3.0, beta = (abc[1] - abc[2]) / sqrt(3.0);
    *d = alpha * c + beta * s;
    *q = beta * c - alpha * s;
}

static void act(Control *x, double period)
{
    double nominal = 2 * PI * HERTZ, peak = VOLTAGE * sqrt(2.0 / 3.0), most = 2.0 * POWER / (1.5 * peak);
    double reactance = REACTORS * (VOLTAGE * VOLTAGE / POWER), gain = 2 * PI * 400.0 * reactance / nominal;
    double susceptance = CAPACITORS / (VOLTAGE * VOLTAGE / POWER), volts;
    double c = cos(x->theta), s = sin(x->theta), v_d, v_q, i_d, i_q, e_d, e_q;
    double pll = 2 * PI * 10.0, share = 2 * PI * 200.0 * period;
    park(x->real, c, s, &v_d, &v_q);
    park(x->real + 3, c, s, &i_d, &i_q);
    x->speed += pll * pll * period * (v_q / peak);
    x->theta = fmod(x->theta + (nominal + x->speed + 2 * pll * (v_q / peak)) * period, 2 * PI);
    x->v_d += share * (v_d - x->v_d);
    x->v_q += share * (v_q - x->v_q);
    memset(x->real + 10, 0, 3 * sizeof(double));
    memset(x->whole + 13, 0, 4 * sizeof(int));
    if (!x->whole[9]) {
        x->waited = x->x_d = x->x_q = 0.0;
        x->tripped = 0;
        return;
    }
    for (int k = 0; k < 3; k++)
        if (fabs(x->real[3 + k]) > most) x->tripped = 1;
    if (x->tripped) {
        x->whole[15] = 4; /* fault */
        x->whole[16] = 5; /* overcurrent */
        return;
    }
    x->waited += period;
    int running = x->waited > START;
    double u_d = x->v_d, u_q = x->v_q;
    if (running) {
        volts = fmax(x->v_d, 0.1 * peak);
        e_d = x->real[7] / (1.5 * volts) - i_d;
        e_q = -x->real[8] / (1.5 * volts) + susceptance * volts - i_q;
        x->x_d += gain * 250.0 * period * e_d;
        x->x_q += gain * 250.0 * period * e_q;
        u_d += gain * e_d + x->x_d - reactance * i_q;
        u_q += gain * e_q + x->x_q + reactance * i_d;
    }
    c = cos(x->theta + 0.5 * nominal * period);
    s = sin(x->theta + 0.5 * nominal * period);
    double alpha = u_d * c - u_q * s, beta = u_d * s + u_q * c;
    x->real[10] = alpha;
    x->real[11] = -0.5 * alpha + sqrt(0.75) * beta;
    x->real[12] = -0.5 * alpha - sqrt(0.75) * beta;
    x->whole[13] = 1;
    x->whole[14] = running;
    x->whole[15] = running ? 2 : 1;
}

API const char *fmi2GetTypesPlatform(void) { return "default"; }
API const char *fmi2GetVersion(void) { return "2.0"; }
API Component fmi2Instantiate(const char *name, int type, const char *guid, const char *resources,
                              const Callbacks *callbacks, int visible, int logging)
{
    Control *x = calloc(1, sizeof *x);
    if (x) x->callbacks = callbacks;
    return x;
}
API void fmi2FreeInstance(Component c) { free(c); }
API int fmi2SetDebugLogging(Component c, int on, size_t n, const char *const *of) { return OK; }
API int fmi2SetupExperiment(Component c, int has, double tolerance, double start, int ends, double stop)
{
    return OK;
}
API int fmi2EnterInitializationMode(Component c) { return OK; }
API int fmi2ExitInitializationMode(Component c) { return OK; }
API int fmi2Terminate(Component c) { return OK; }
API int fmi2Reset(Component c)
{
    const Callbacks *callbacks = ((Control *)c)->callbacks;
    memset(c, 0, sizeof(Control));
    ((Control *)c)->callbacks = callbacks;
    return OK;
}
API int fmi2SetReal(Component c, const Ref *at, size_t n, const double *value)
{
    for (size_t k = 0; k < n; k++) {
        if (at[k] > 8) return ERROR;
        ((Control *)c)->real[at[k]] = value[k];
    }
    return OK;
}
API int fmi2GetReal(Component c, const Ref *at, size_t n, double *value)
{
    for (size_t k = 0; k < n; k++) {
        if (at[k] > 12) return ERROR;
        value[k] = ((Control *)c)->real[at[k]];
    }
    return OK;
}
API int fmi2SetBoolean(Component c, const Ref *at, size_t n, const int *value)
{
    for (size_t k = 0; k < n; k++) {
        if (at[k] != 9) return ERROR;
        ((Control *)c)->whole[9] = value[k];
    }
    return OK;
}
API int fmi2GetInteger(Component c, const Ref *at, size_t n, int *value)
{
    for (size_t k = 0; k < n; k++) {
        if (at[k] < 13 || at[k] > 16) return ERROR;
        value[k] = ((Control *)c)->whole[at[k]];
    }
    return OK;
}
API int fmi2GetBoolean(Component c, const Ref *at, size_t n, int *value)
{
    return fmi2GetInteger(c, at, n, value);
}
API int fmi2DoStep(Component c, double now, double period, int final)
{
    Control *x = c;
    if (!(x->real[6] < 2000.0)) {
        x->callbacks->logger(x->callbacks->environment, "control", ERROR, "error", "DC link above 2000 V");
        return ERROR;
    }
    act(x, period);
    return OK;
}

/* What FMI 2 has and this does not use; importers look for the names. */
#define NOT_HERE(name) API int name(void) { return ERROR; }
NOT_HERE(fmi2SetInteger) NOT_HERE(fmi2SetString) NOT_HERE(fmi2GetString)
NOT_HERE(fmi2GetFMUstate) NOT_HERE(fmi2SetFMUstate) NOT_HERE(fmi2FreeFMUstate)
NOT_HERE(fmi2SerializedFMUstateSize) NOT_HERE(fmi2SerializeFMUstate) NOT_HERE(fmi2DeSerializeFMUstate)
NOT_HERE(fmi2GetDirectionalDerivative) NOT_HERE(fmi2SetRealInputDerivatives)
NOT_HERE(fmi2GetRealOutputDerivatives) NOT_HERE(fmi2CancelStep) NOT_HERE(fmi2GetStatus)
NOT_HERE(fmi2GetRealStatus) NOT_HERE(fmi2GetIntegerStatus) NOT_HERE(fmi2GetBooleanStatus)
NOT_HERE(fmi2GetStringStatus)
